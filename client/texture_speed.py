"""PyRadiomics' texture matrices, counted for the tumour's voxels alone and from one walk along each direction.

PyRadiomics' C code goes through every voxel of the box around the tumour once for each class. Here the voxels of the
tumour are put in a row along each direction once a tumour; with each image's grey levels in that row, pairs, runs and
neighbours are what stands side by side. Zones stay with the C code.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from radiomics import cMatrices


@dataclass(frozen=True)
class Direction:
    """The n voxels of a tumour in a row along one direction, line by line."""

    order: np.ndarray
    """int64 (n,): which of the tumour's voxels, counted as the mask holds them, stands at each place of the row."""
    places: np.ndarray
    """int64 (n,): at which place of the row each of the tumour's voxels stands."""
    adjacent: np.ndarray
    """bool (n - 1,): whether two that follow each other in the row do so in the tumour."""
    one_a_line: bool
    """No line of this direction meets the tumour twice."""


@dataclass(frozen=True)
class Texture:
    """Counts of a tumour whose k grey levels all occur, as PyRadiomics' C code gives them.

    `pairs` (k, k, directions), one way; `runs` (k, longest, directions); `dependence` (k, 2 x directions + 1); and
    `differences` (k,), the summed absolute differences to the mean of the neighbours.
    """

    pairs: np.ndarray
    runs: np.ndarray
    dependence: np.ndarray
    differences: np.ndarray


@dataclass(frozen=True)
class Neighbourhood:
    """Who stands beside whom in a tumour; the same for every image made from a CT."""

    inside: np.ndarray
    """bool (z, y, x)."""
    directions: tuple[Direction, ...]
    """Those PyRadiomics looks in: 13, or 4 within slices."""
    neighbours: np.ndarray
    """int32 (n,): how many of the tumour's voxels touch each."""


def neighbourhood(inside: np.ndarray, *, force_2d: bool) -> Neighbourhood:
    """Put the voxels of a mask that fills its box in rows along each direction."""
    angles = cMatrices.generate_angles(np.array(inside.shape), np.array([1]), False, force_2d, 0)
    voxels = np.argwhere(inside)
    rows = tuple(_direction(voxels, angle, max(inside.shape)) for angle in angles)
    neighbours = np.zeros(len(voxels), dtype=np.int32)
    for row in rows:
        neighbours += _beside(row.adjacent, row.adjacent)[row.places]
    return Neighbourhood(inside, rows, neighbours)


def _direction(voxels: np.ndarray, angle: np.ndarray, longest: int) -> Direction:
    axis = int(np.flatnonzero(angle)[0])
    steps = voxels[:, axis] if angle[axis] > 0 else longest - 1 - voxels[:, axis]
    first, second = (voxels[:, other] - steps * angle[other] for other in range(3) if other != axis)
    # a line begins between -longest and 2 x longest; one step more than there are keeps lines apart
    lines = (first + longest) * (3 * longest) + second + longest
    keys = lines * (longest + 1) + steps
    order = np.argsort(keys, kind="stable")
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    return Direction(order, places, np.diff(keys[order]) == 1, not (np.diff(lines[order]) == 0).any())


def texture(levels: np.ndarray, values: np.ndarray, tumour: Neighbourhood) -> Texture:
    """Count from each voxel's grey level, int32 (n,) in 0 to k - 1, and the k grey values these stand for."""
    kinds, rows, longest = len(values), tumour.directions, max(tumour.inside.shape)
    pairs, runs = np.zeros((kinds, kinds, len(rows))), np.zeros((kinds, longest, len(rows)))
    equal, sums = (np.zeros(len(levels), dtype=np.int32) for _ in range(2))
    grey = values.astype(np.int32)[levels]
    for place, row in enumerate(rows):
        here, shown = levels[row.order], grey[row.order]
        same = row.adjacent & (here[1:] == here[:-1])
        pairs[..., place] = _pairs(here, row, kinds)
        runs[..., place] = 0 if row.one_a_line else _runs(here, same, kinds, longest)
        equal += _beside(same, same)[row.places]
        sums += _beside(shown[:-1] * row.adjacent, shown[1:] * row.adjacent)[row.places]
    most = 2 * len(rows) + 1
    dependence = np.bincount(levels * most + equal, minlength=kinds * most).reshape(kinds, most).astype(float)
    apart = np.abs(grey - sums / np.maximum(tumour.neighbours, 1)) * (tumour.neighbours > 0)
    return Texture(pairs, runs, dependence, np.bincount(levels, apart, minlength=kinds))


def _pairs(here: np.ndarray, row: Direction, kinds: int) -> np.ndarray:
    codes = (here[:-1] * kinds + here[1:])[row.adjacent]
    return np.bincount(codes, minlength=kinds * kinds).reshape(kinds, kinds)


def _runs(here: np.ndarray, same: np.ndarray, kinds: int, longest: int) -> np.ndarray:
    first = np.concatenate([[0], np.flatnonzero(~same) + 1])
    lengths = np.diff(first, append=len(here))
    codes = here[first] * longest + lengths - 1
    return np.bincount(codes, minlength=kinds * longest).reshape(kinds, longest)


def _beside(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """What each of a row gets from the one before it and from the one after it."""
    total = np.zeros(len(before) + 1, dtype=np.int32)
    total[1:] += before
    total[:-1] += after
    return total
