"""Moments of a site as numbers that add up, and the moments of all sites from their sums."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from common.pooling import Moments
from common.secure_aggregation.fixed_point import STATISTICS

PER_COLUMN = 3
"""Patients, sum and sum of squares."""
_ROUNDING = Fraction(1, 1 << (STATISTICS.fraction - 12))
"""A sum of squares from the mean below this is rounding: the column is constant."""


def statistics_numbers(found: Moments, *, what: str) -> list[int]:
    """Of every column patients, sum and sum of squares, exact; DataError for values beyond the ring."""
    rest = np.broadcast_to(found.mean_rest, found.mean.shape)
    values: list[Fraction] = []
    for n, mean, below, squares in zip(found.n, found.mean, rest, found.m2, strict=True):
        exact = Fraction(float(mean)) + Fraction(float(below))
        values += [Fraction(int(n)), int(n) * exact, Fraction(float(squares)) + int(n) * exact**2]
    return STATISTICS.encode(values, what=what)


def pooled_moments(numbers: Sequence[int]) -> Moments:
    """The moments of all sites' patients from the sum of the sites' numbers.

    In fractions, so that a mean far larger than the spread takes nothing from it.
    """
    values = STATISTICS.decode(numbers)
    columns = [_column(*values[at : at + PER_COLUMN]) for at in range(0, len(values), PER_COLUMN)]
    n, mean, rest, m2 = (np.array([column[part] for column in columns]) for part in range(4))
    return Moments(n.astype(np.int64), mean, m2, rest)


def _column(n: Fraction, total: Fraction, squares: Fraction) -> tuple[int, float, float, float]:
    if n <= 0:
        return 0, 0.0, 0.0, 0.0
    mean = total / n
    spread = squares - total * mean
    near = float(mean)
    return int(n), near, float(mean - Fraction(near)), float(spread) if spread > _ROUNDING else 0.0
