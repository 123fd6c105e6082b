"""Which of many CT are one, by their fine detail.

Every pair would have to be compared, cell by cell. A detail is drawn out along 512 random directions first: the
products of these sketches tell the cosine to 0.05 (standard deviation; Achlioptas 2003,
doi:10.1016/S0022-0000(03)00025-4), and only pairs that come near are compared in full. A copy whose cosine is 0.76 is
then passed over once in a thousand million times, one at the limit of 0.68 six times in ten million. Details with cells
that the CT does not reach are compared in full always.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from client.preflight.fingerprint import UNKNOWN

SAME = 0.68
"""From this agreement on two CT are named as one."""
_LEAST_COMMON = 0.1
_AT_A_TIME = 256
_DIRECTIONS, _SLACK = 512, 0.26


def alike(details: Sequence[np.ndarray]) -> list[tuple[int, int, float]]:
    """Pairs of details that agree to SAME or more, with the agreement: a cosine over the cells that both know."""
    if not details:
        return []
    whole = [place for place, one in enumerate(details) if (one != UNKNOWN).all()]
    partial = sorted(set(range(len(details))) - set(whole))
    return sorted([*_alike_in_full(details, partial, whole), *_alike_by_sketch(details, whole)])


def _alike_by_sketch(details: Sequence[np.ndarray], places: Sequence[int]) -> Iterator[tuple[int, int, float]]:
    if len(places) < 2:
        return
    sketches = _sketches(details, places)
    for start in range(0, len(places), _AT_A_TIME):
        near = sketches[start : start + _AT_A_TIME] @ sketches[start:].T >= SAME - _SLACK
        for row in map(int, np.flatnonzero(np.triu(near, 1).any(axis=1))):
            others = [places[start + int(column)] for column in np.flatnonzero(near[row]) if column > row]
            yield from _alike_to(details, places[start + row], others)


def _alike_to(details: Sequence[np.ndarray], one: int, others: Sequence[int]) -> Iterator[tuple[int, int, float]]:
    for start in range(0, len(others), _AT_A_TIME):
        some = others[start : start + _AT_A_TIME]
        for other, agreement in zip(some, _cosines(_block(details, [one]), _block(details, some))[0], strict=True):
            if agreement >= SAME:
                yield one, other, float(agreement)


def _sketches(details: Sequence[np.ndarray], places: Sequence[int]) -> np.ndarray:
    """float32 (places, directions); their products are about the cosines."""
    cells = details[0].size
    signs = np.random.default_rng(0).integers(0, 2, (cells, _DIRECTIONS), dtype=np.int8).astype(np.float32) * 2 - 1
    found = np.zeros((len(places), _DIRECTIONS), np.float32)
    for start in range(0, len(places), _AT_A_TIME):
        values = _block(details, places[start : start + _AT_A_TIME]).values
        length = np.sqrt(np.maximum(np.square(values).sum(axis=1, keepdims=True), 1e-12) * _DIRECTIONS)
        found[start : start + len(values)] = values @ signs / length
    return found


def _alike_in_full(
    details: Sequence[np.ndarray], partial: Sequence[int], whole: Sequence[int]
) -> Iterator[tuple[int, int, float]]:
    """Pairs of which at least one is partial."""
    is_partial = set(partial)
    for first in range(0, len(partial), _AT_A_TIME):
        rows = partial[first : first + _AT_A_TIME]
        block, others = _block(details, rows), [*partial[first:], *whole]
        for second in range(0, len(others), _AT_A_TIME):
            columns = others[second : second + _AT_A_TIME]
            agreement = _cosines(block, _block(details, columns))
            for row, column in np.argwhere(agreement >= SAME):
                one, other = rows[row], columns[column]
                if one < other or other not in is_partial:
                    yield min(one, other), max(one, other), float(agreement[row, column])


@dataclass(frozen=True, eq=False)
class _Block:
    """Details a row each, float32, 0 where nothing is known; which cells are known; whether all are."""

    values: np.ndarray
    known: np.ndarray
    whole: bool


def _block(details: Sequence[np.ndarray], places: Sequence[int]) -> _Block:
    rows = np.stack([details[place].ravel() for place in places])
    known = rows != UNKNOWN
    return _Block(np.where(known, rows, 0).astype(np.float32), known, bool(known.all()))


def _cosines(first: _Block, second: _Block) -> np.ndarray:
    a, b = first.values, second.values
    if first.whole and second.whole:
        energy = np.square(a).sum(axis=1)[:, None] * np.square(b).sum(axis=1)
        common = np.ones(energy.shape, bool)
    else:
        known_a, known_b = first.known.astype(np.float32), second.known.astype(np.float32)
        energy = (a**2 @ known_b.T) * (known_a @ (b**2).T)
        common = known_a @ known_b.T >= _LEAST_COMMON * a.shape[1]
    return np.where(common & (energy > 0), (a @ b.T) / np.sqrt(np.maximum(energy, 1e-12)), 0)
