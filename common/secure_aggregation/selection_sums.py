"""Rank terms and cross products of a site as numbers that add up, and what all sites' sums say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from common.pooling import CoMoments, RankSums
from common.pooling.checks import Values
from common.pooling.ranks import stratum_terms, van_elteren_p
from common.secure_aggregation.fixed_point import SUMS


def rank_numbers(found: RankSums) -> list[int]:
    """The site's terms of van Elteren's test: of all features the weighted excess, then the weighted variances."""
    terms = stratum_terms(found)
    return SUMS.encode([*terms.excess.tolist(), *terms.variance.tolist()], what="rank sums")


def pooled_p(numbers: Sequence[int], *, largest_site: int) -> Values:
    """p of each feature from the sum of the sites' numbers.

    The continuity correction is half the weight of the largest site, by its training patients: which site has the
    smallest weight for a feature, with its missing values, no sum tells.
    """
    excess, variance = np.array(list(map(float, SUMS.decode(numbers)))).reshape(2, -1)
    return van_elteren_p(excess, variance, smallest_weight=1 / (largest_site + 1))


def correlation_numbers(found: CoMoments) -> list[int]:
    """Patients, and of the columns those at sites that know them, sums, and products (the upper half)."""
    sums, upper = found.n * found.mean, np.triu_indices(found.mean.size)
    products = (found.cross + found.n * np.outer(found.mean, found.mean))[upper]
    values = [float(found.n), *found.known.astype(float).tolist(), *sums.tolist(), *products.tolist()]
    return SUMS.encode(values, what="correlations")


def correlation_size(columns: int) -> int:
    """Numbers of a site's answer."""
    return 1 + 2 * columns + columns * (columns + 1) // 2


def pooled_co_moments(numbers: Sequence[int], *, columns: int) -> CoMoments:
    """Co-moments of all sites' patients.

    Columns are standardised by all sites' patients, so that means are near 0; where sites differ in which columns they
    know, a product of means counts the geometric mean of both columns' patients.
    """
    values = np.array(list(map(float, SUMS.decode(numbers))))
    n, known, sums = int(values[0]), values[1 : columns + 1], values[columns + 1 : 2 * columns + 1]
    cross, upper = np.zeros((columns, columns)), np.triu_indices(columns)
    cross[upper] = values[2 * columns + 1 :]
    cross = np.triu(cross) + np.triu(cross, 1).T
    mean = sums / np.maximum(known, 1)
    cross -= np.sqrt(np.outer(known, known)) * np.outer(mean, mean)
    return CoMoments(n, known.astype(np.int64), mean, cross)
