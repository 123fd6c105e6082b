"""Kaplan-Meier curves of all sites' patients from counts in intervals of days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm

from common.errors import DataError
from common.pooling.checks import Values, checked_labels, checked_minimum


@dataclass(frozen=True)
class SurvivalCounts:
    """Patients that progressed or were censored in each interval of days, and `n` patients at day 0.

    An interval is after its first and up to its last edge; the first holds day 0 too. Counts have fractions where
    sites with different edges were merged.
    """

    edges: tuple[float, ...]
    events: tuple[float, ...]
    censored: tuple[float, ...]
    n: int


@dataclass(frozen=True)
class BinnedCurve:
    """Survival at the edges, 1 at day 0, with its interval (log-log), and the patients followed beyond each edge."""

    days: tuple[float, ...]
    survival: tuple[float, ...]
    ci_low: tuple[float, ...]
    ci_high: tuple[float, ...]
    at_risk: tuple[float, ...]


def bin_counts(days: ArrayLike, progressed: ArrayLike, *, edges: Sequence[float]) -> SurvivalCounts:
    """Counts of a site's patients, `days` (n,) of follow-up and `progressed` (n,) 0 or 1, between rising `edges`.

    Whoever was followed beyond the last edge is censored in the last interval: choose it beyond all follow-up.
    DataError for negative or missing days, and for edges that do not rise from 0.
    """
    grid = _checked_edges(edges)
    time = np.asarray(days, dtype=np.float64)
    wrong = int((~np.isfinite(time) | (time < 0)).sum())
    if time.ndim != 1 or wrong:
        raise DataError(f"{wrong} of {time.size} follow-up times are negative or missing: give days from 0 on")
    event = checked_labels(progressed, patients=time.size) & (time <= grid[-1])
    last = grid.size - 2
    place = np.clip(np.searchsorted(grid, time, side="left") - 1, 0, last)
    events, censored = (np.bincount(place[group], minlength=last + 1) for group in (event, ~event))
    return SurvivalCounts(tuple(grid.tolist()), tuple(events.tolist()), tuple(censored.tolist()), n=time.size)


def withheld(counts: SurvivalCounts, *, minimum_count: int) -> SurvivalCounts | None:
    """The counts with neighbouring intervals joined until at least `minimum_count` patients leave in each.

    None where fewer leave altogether.
    """
    least = checked_minimum(minimum_count)
    leaving = np.add(counts.events, counts.censored)
    if leaving.sum() < least:
        return None
    starts, held = [0], 0.0
    for place, number in enumerate(leaving):
        if held >= least and leaving[place:].sum() >= least:
            starts, held = [*starts, place], 0.0
        held += number
    events, censored = (np.add.reduceat(part, starts).tolist() for part in (counts.events, counts.censored))
    edges = (*(counts.edges[start] for start in starts), counts.edges[-1])
    return SurvivalCounts(edges, tuple(events), tuple(censored), counts.n)


def merge_counts(parts: Sequence[SurvivalCounts]) -> SurvivalCounts:
    """Counts of all sites between all their edges; a site's wider interval is spread evenly over its days.

    DataError without parts and for sites whose first or last edges differ.
    """
    ends = sorted({part.edges[-1] for part in parts})
    if len(ends) != 1:
        raise DataError(f"counts until {ends or 'no'} days: give one or more, all of the same study's grid")
    edges = np.unique(np.concatenate([part.edges for part in parts]))
    events, censored = (
        np.sum([_spread(edges, part.edges, getattr(part, name)) for part in parts], axis=0).tolist()
        for name in ("events", "censored")
    )
    return SurvivalCounts(tuple(edges.tolist()), tuple(events), tuple(censored), sum(part.n for part in parts))


def binned_kaplan_meier(counts: SurvivalCounts, *, level: float = 0.95) -> BinnedCurve:
    """Life-table estimate of survival with Greenwood's interval on the log-log scale.

    Of an interval of w days, whoever is censored in it was at risk on (w + 1) / 2 of them: half in a long one, all in
    that of one day, where the estimate is Kaplan's and Meier's. DataError without patients.
    Source: Cutler & Ederer 1958, doi:10.1016/0021-9681(58)90126-7; Kalbfleisch & Prentice 2002 for the interval.
    """
    if counts.n < 1:
        raise DataError("no patients: a survival curve needs at least one")
    edges, events, censored = map(np.asarray, (counts.edges, counts.events, counts.censored))
    beyond = counts.n - np.concatenate([[0], np.cumsum(events + censored)])
    width = np.maximum(np.diff(edges), 1.0)
    exposed = beyond[:-1] - censored * (width - 1) / (2 * width)
    share = np.divide(events, exposed, out=np.zeros(events.size), where=events > 0).clip(0, 1)
    survival = np.concatenate([[1.0], np.cumprod(1 - share)])
    low, high = _log_log(survival, exposed, share, level)
    # fractions of patients leave a rounding behind where all have left
    at_risk = np.where(beyond > 1e-9 * counts.n, beyond, 0)
    return BinnedCurve(*(tuple(part.tolist()) for part in (edges, survival, low, high, at_risk)))


def _log_log(survival: Values, exposed: Values, share: Values, level: float) -> tuple[Values, Values]:
    """Bounds of the curve; at 0 and at 1 the interval is undefined, and a point."""
    inside = (survival > 0) & (survival < 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(share > 0, share / (exposed * (1 - share)), 0.0)
        error = np.sqrt(np.cumsum(np.concatenate([[0.0], terms]))) / np.log(survival)
        factor = np.exp(float(norm.ppf((1 + level) / 2)) * error)
        bounds = survival ** (1 / factor), survival**factor
    low, high = (np.where(inside, bound, survival) for bound in bounds)
    return low, high


def _checked_edges(edges: Sequence[float]) -> Values:
    grid = np.asarray(edges, dtype=np.float64)
    if grid.ndim != 1 or grid.size < 2 or not np.isfinite(grid).all() or grid[0] != 0 or (np.diff(grid) <= 0).any():
        raise DataError(f"{grid.size} edges of intervals: give 0 and then rising days, such as 0, 30, 60")
    return grid


def _spread(edges: Values, own: Sequence[float], counts: Sequence[float]) -> Values:
    cumulative = np.concatenate([[0.0], np.cumsum(counts)])
    return np.asarray(np.diff(np.interp(edges, own, cumulative)))
