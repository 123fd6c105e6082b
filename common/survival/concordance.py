"""Whether a higher score means earlier progression: Harrell's C-index."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm

from common.errors import DataError
from common.survival.checks import Flags, Values, checked, checked_score


@dataclass(frozen=True)
class Concordance:
    """Share of comparable pairs of patients that a score puts in the right order, with its confidence interval."""

    c_index: float
    ci_low: float
    ci_high: float


def concordance(days: ArrayLike, progressed: ArrayLike, score: ArrayLike, *, level: float = 0.95) -> Concordance:
    """Harrell's C-index of a score, higher meaning earlier progression; tied scores count one half.

    `score` (n,) of any scale; the others as `compare_groups`. The interval is the infinitesimal jackknife's, as in
    R's survival::concordance, clipped to 0 and 1. DataError for constant or missing scores and for no comparable pair.
    """
    time, event = checked(days, progressed)
    risk = checked_score(time, score)
    right, comparable = _pairs(time, event, risk)
    if not comparable.sum():
        raise DataError("no patient outlived another's progression: a C-index needs such pairs; follow up longer")
    pairs = comparable.sum() / 2
    value = float(right.sum() / comparable.sum())
    influence = (right.sum(axis=1) - value * comparable.sum(axis=1)) / pairs
    margin = float(norm.ppf((1 + level) / 2) * np.sqrt((influence**2).sum()))
    return Concordance(value, max(value - margin, 0.0), min(value + margin, 1.0))


def _pairs(time: Values, event: Flags, risk: Values) -> tuple[Values, Values]:
    """Both (n, n) and symmetric: 1 where a pair is comparable, and its credit of 1, one half or 0."""
    first = event[:, None] & ((time[:, None] < time) | ((time[:, None] == time) & ~event))
    credit = first * (np.sign(risk[:, None] - risk) + 1) / 2
    return credit + credit.T, first.astype(np.float64) + first.T
