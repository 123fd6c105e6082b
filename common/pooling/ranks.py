"""Mann-Whitney U within each site and one p for all of them: the van Elteren test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm, rankdata

from common.pooling.checks import Counts, Values, checked_columns, checked_labels, checked_minimum, same_columns


@dataclass(frozen=True)
class RankSums:
    """Of each feature (k,) within one site: patients with a value by class, U of the positives, sum of t^3 - t.

    t counts the patients of each tied value.
    """

    n_positive: Counts
    n_negative: Counts
    u: Values
    tie_term: Values

    def guarded(self, *, minimum_count: int) -> RankSums:
        """The same with features emptied (n 0) of which fewer than `minimum_count` patients have a value."""
        enough = self.n_positive + self.n_negative >= checked_minimum(minimum_count)
        parts = (self.n_positive, self.n_negative, self.u, self.tie_term)
        return RankSums(*(np.where(enough, part, 0) for part in parts))


def rank_sums(features: ArrayLike, labels: ArrayLike) -> RankSums:
    """Rank sums of (patients, features), NaN where a feature could not be computed, by labels (n,) of 0 and 1.

    A class may be empty. DataError for infinite values, other labels or another shape.
    """
    table = checked_columns(features)
    positive = checked_labels(labels, patients=len(table))
    lowest, highest = (rankdata(table, method=method, axis=0, nan_policy="omit") for method in ("min", "max"))
    there = ~np.isnan(table)
    n_positive, n_negative = there[positive].sum(axis=0), there[~positive].sum(axis=0)
    ranks = np.nansum((lowest + highest)[positive], axis=0) / 2
    # over patients rather than over tied values, t^3 - t is t^2 - 1
    tied = np.nansum((highest - lowest + 1) ** 2 - 1, axis=0)
    return RankSums(n_positive, n_negative, ranks - n_positive * (n_positive + 1) / 2, tied)


def van_elteren(parts: Sequence[RankSums]) -> Values:
    """Two-sided p of each feature (k,), stratified by site, by the normal approximation with ties.

    Sites weigh 1 / (patients + 1), which is best against one shift common to all; sites where a class is empty or the
    feature is constant contribute nothing, and without any other p is 1. The continuity correction is half the
    smallest weight, so that one site gives the Mann-Whitney test. DataError without parts or for parts of different
    features. Source: van Elteren 1960, Bull Int Stat Inst 37:351-361; Lehmann 1975, Nonparametrics, 3.3.
    """
    same_columns([part.u for part in parts])
    m, n = (np.array([getattr(part, name) for part in parts], dtype=float) for name in ("n_positive", "n_negative"))
    excess = np.array([part.u for part in parts]) - m * n / 2
    total = np.maximum(m + n, 2)
    tied = np.array([part.tie_term for part in parts]) / (total * (total - 1))
    variance = m * n / 12 * (m + n + 1 - tied)
    counts = (m * n > 0) & (tied < m + n + 1)
    weight = np.where(counts, 1 / (m + n + 1), 0.0)
    correction = np.where(counts, weight, np.inf).min(axis=0) / 2
    error = np.sqrt((weight**2 * variance).sum(axis=0))
    known = error > 0
    z = np.divide(np.abs((weight * excess).sum(axis=0)) - correction, error, out=np.zeros_like(error), where=known)
    return np.where(known, np.minimum(2 * norm.sf(z), 1.0), 1.0)
