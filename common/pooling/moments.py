"""Means, deviations and correlations of all sites' patients from sums that each site computes alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from common.errors import DataError
from common.pooling.checks import Counts, Values, checked_columns, checked_minimum, same_columns
from common.scaling import Scaling


@dataclass(frozen=True)
class Moments:
    """Of each column (k,): patients with a value, their mean, and the sum of squared distances from it.

    `mean_rest` is what rounding took off the mean; without it, sites' means near 1e8 differ too coarsely for 9 digits
    of a deviation of 1. A column without any value has mean 0.
    """

    n: Counts
    mean: Values
    m2: Values
    mean_rest: Values | float = 0.0

    def guarded(self, *, minimum_count: int) -> Moments:
        """The same with columns emptied (n 0) of which fewer than `minimum_count` patients have a value.

        A mean of one patient is that patient's value, however many patients the site has.
        """
        enough = self.n >= checked_minimum(minimum_count)
        n, *sums = (np.where(enough, part, 0) for part in (self.n, self.mean, self.m2, self.mean_rest))
        return Moments(n, *sums)

    def scaling(self) -> Scaling:
        """Means and population standard deviations, as `fit_scaling`; without spread the deviation is 1."""
        deviation = np.sqrt(self.m2 / np.maximum(self.n, 1))
        return Scaling(self.mean, np.where(deviation > 0, deviation, 1.0))


@dataclass(frozen=True)
class CoMoments:
    """Sums of products of the distances of columns from their means.

    `n` patients; `known` (k,) of them at sites where the column has a value; `mean` (k,); `cross` (k, k).
    """

    n: int
    known: Counts
    mean: Values
    cross: Values

    def correlation(self) -> Values:
        """Pearson's correlations (k, k); a column without spread has 0 with all others."""
        norm = np.sqrt(np.diag(self.cross))
        norm = np.where(norm > 0, norm, np.inf)
        found = (self.cross / norm / norm[:, None]).clip(-1, 1)
        np.fill_diagonal(found, 1.0)
        return np.asarray(found)


def moments(values: ArrayLike) -> Moments:
    """Moments of a site's (patients, columns), leaving NaN out.

    DataError for infinite values or another shape.
    """
    table = checked_columns(values)
    n, mean, rest, distance = _centred(table)
    return Moments(n, mean, (distance**2).sum(axis=0), rest)


def merge(parts: Sequence[Moments]) -> Moments:
    """Moments of all sites' patients, in any order.

    DataError without parts or for parts of different columns. Source: Chan 1983,
    doi:10.1080/00031305.1983.10483115.
    """
    same_columns([part.mean for part in parts])
    n = np.array([part.n for part in parts])
    rests = np.array([np.broadcast_to(part.mean_rest, part.mean.shape) for part in parts])
    mean, rest, distance = _pooled_mean(n, np.array([part.mean for part in parts]), rests)
    within = np.sum([part.m2 for part in parts], axis=0)
    return Moments(n.sum(axis=0), mean, within + (n * distance**2).sum(axis=0), rest)


def co_moments(values: ArrayLike) -> CoMoments:
    """Co-moments of a site's (patients, columns); NaN counts as the site's mean, which draws correlations to 0.

    A site with fewer patients than columns gives its table away but for a rotation: let it send few columns, or none.
    Errors as `moments`.
    """
    table = checked_columns(values)
    n, mean, _, distance = _centred(table)
    return CoMoments(len(table), np.where(n > 0, len(table), 0), mean, distance.T @ distance)


def merge_co_moments(parts: Sequence[CoMoments]) -> CoMoments:
    """Co-moments of all sites' patients; a column that a site has no value of is at the pooled mean there.

    Errors and source as `merge`.
    """
    same_columns([part.mean for part in parts])
    known = np.array([part.known for part in parts])
    n = np.array([part.n for part in parts])
    means = np.array([part.mean for part in parts])
    mean, _, distance = _pooled_mean(known, means, np.zeros_like(means))
    within = np.sum([part.cross for part in parts], axis=0)
    return CoMoments(int(n.sum()), known.sum(axis=0), mean, within + distance.T @ (n[:, None] * distance))


def prune(p_values: pd.Series, correlation: ArrayLike, *, limit: float) -> list[str]:
    """Names that stay, in their given order: by rising p, unless correlated above `limit` with one that stays.

    `correlation` (k, k) in the order of `p_values`; its size counts, not its sign. Of equal p the first name goes
    first. DataError when the sizes differ or `limit` is not above 0 and at most 1.
    """
    size = np.abs(np.asarray(correlation, dtype=np.float64))
    _check_prune(p_values, size, limit)
    stays: NDArray[np.bool_] = np.zeros(len(p_values), dtype=bool)
    for place in np.argsort(p_values.to_numpy(dtype=float), kind="stable"):
        stays[place] = not (size[place, stays] > limit).any()
    return [str(name) for name in p_values.index[stays]]


def _check_prune(p_values: pd.Series, correlation: Values, limit: float) -> None:
    if correlation.shape != (len(p_values), len(p_values)):
        raise DataError(f"{len(p_values)} p-values and correlations {correlation.shape}: give one column a p-value")
    if not (np.isfinite(correlation).all() and p_values.notna().all()):
        raise DataError(f"p-values or correlations of {len(p_values)} columns are missing: leave these columns out")
    if not 0 < limit <= 1:
        raise DataError(f"a limit of {limit:g} on correlations: give one above 0 and at most 1")


def _centred(table: Values) -> tuple[Counts, Values, Values, Values]:
    """Values in each column, their mean (0 without any) and its rest, and distances from it, 0 where NaN."""
    there = ~np.isnan(table)
    n = there.sum(axis=0)
    # relative to a value of the column: a constant is then constant to the last digit, whatever its size
    base = np.where(n > 0, np.take_along_axis(table, there.argmax(axis=0)[None], axis=0)[0], 0.0)
    distance = np.where(there, table - base, 0.0)
    offset = distance.sum(axis=0) / np.maximum(n, 1)
    return n, base + offset, _rest(base, offset), np.where(there, distance - offset, 0.0)


def _pooled_mean(weight: Counts, mean: Values, rest: Values) -> tuple[Values, Values, Values]:
    """Weighted mean (k,) of sites' means (sites, k), its rest, and their distances from it, 0 where the weight is."""
    base = np.take_along_axis(mean, (weight > 0).argmax(axis=0)[None], axis=0)[0]
    distance = np.where(weight > 0, mean - base + rest, 0.0)
    offset = (weight * distance).sum(axis=0) / np.maximum(weight.sum(axis=0), 1)
    return base + offset, _rest(base, offset), np.where(weight > 0, distance - offset, 0.0)


def _rest(one: Values, other: Values) -> Values:
    """What rounding takes off a sum, exactly. Source: Knuth's two-sum, The Art of Computer Programming 2, 4.2.2."""
    total = one + other
    of_other = total - one
    return (one - (total - of_other)) + (other - of_other)
