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
    noise_variance: Values
    """Of what was added to U to hide single patients; 0 for exact sums."""

    def guarded(self, *, minimum_count: int) -> RankSums:
        """The same with features emptied (n 0) of which fewer than `minimum_count` patients have a value."""
        enough = self.n_positive + self.n_negative >= checked_minimum(minimum_count)
        parts = (self.n_positive, self.n_negative, self.u, self.tie_term, self.noise_variance)
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
    u = ranks - n_positive * (n_positive + 1) / 2
    return RankSums(n_positive, n_negative, u, tied, np.zeros_like(u))


def van_elteren(parts: Sequence[RankSums]) -> Values:
    """Two-sided p of each feature (k,), stratified by site, by the normal approximation with ties.

    Sites weigh 1 / (patients + 1), which is best against one shift common to all; sites where a class is empty or the
    feature is constant contribute nothing, and without any other p is 1. The continuity correction is half the
    smallest weight, so that one site gives the Mann-Whitney test. DataError without parts or for parts of different
    features. Source: van Elteren 1960, Bull Int Stat Inst 37:351-361; Lehmann 1975, Nonparametrics, 3.3.
    """
    same_columns([part.u for part in parts])
    terms = [stratum_terms(part) for part in parts]
    weight = np.array([part.weight for part in terms])
    smallest = np.where(weight > 0, weight, np.inf).min(axis=0)
    excess, variance = (np.array([getattr(part, name) for part in terms]) for name in ("excess", "variance"))
    return van_elteren_p(excess.sum(axis=0), variance.sum(axis=0), smallest_weight=smallest)


@dataclass(frozen=True)
class StratumTerms:
    """What one site adds to the test of each feature (k,); all 0 where it tells nothing of the feature."""

    weight: Values
    excess: Values
    """Weight times U above its expectation."""
    variance: Values
    """Squared weight times the variance of U."""


def stratum_terms(part: RankSums) -> StratumTerms:
    """One site's terms of the van Elteren test; sums over sites give its p."""
    m, n = (np.asarray(getattr(part, name), dtype=float) for name in ("n_positive", "n_negative"))
    total = np.maximum(m + n, 2)
    tied = part.tie_term / (total * (total - 1))
    counts = (m * n > 0) & (tied < m + n + 1)
    weight = np.where(counts, 1 / (m + n + 1), 0.0)
    variance = m * n / 12 * (m + n + 1 - tied) + part.noise_variance
    return StratumTerms(weight, weight * (part.u - m * n / 2), weight**2 * variance)


def van_elteren_p(excess: Values, variance: Values, *, smallest_weight: ArrayLike) -> Values:
    """Two-sided p of each feature (k,) from the sums of the sites' terms; 1 where no site tells anything."""
    error, known = np.sqrt(variance), variance > 0
    correction = np.asarray(smallest_weight, dtype=float) / 2
    z = np.divide(np.abs(excess) - correction, error, out=np.zeros_like(error), where=known)
    return np.where(known, np.minimum(2 * norm.sf(z), 1.0), 1.0)
