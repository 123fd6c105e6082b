"""The cut-off of a score that divides survival most (X-tile), and a p that knows it was searched for.

Camp 2004, doi:10.1158/1078-0432.CCR-04-0713; maximally selected rank statistics of Lausen & Schumacher 1992 and 1994,
doi:10.2307/2532740, computed as R's maxstat does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from lifelines.statistics import logrank_test
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm, rankdata

from common.errors import DataError
from common.survival.checks import Flags, Values, checked, checked_members, checked_score

FEWEST = 10
ROUNDING = 1e-9
"""Differences of statistics and sizes that are taken for rounding."""
_CHUNK = 500


@dataclass(frozen=True)
class CutoffSearch:
    """The best cut-off (high is above it) and the whole search: a statistic for each cut-off that was tried."""

    cutoff: float
    statistic: float
    p_naive: float
    p_approximation: float
    p_permutation: float
    cutoffs: tuple[float, ...]
    statistics: tuple[float, ...]
    n_high: tuple[int, ...]
    minimum_share: float


@dataclass(frozen=True)
class Candidates:
    """Patients in the order of their score, and after how many of them it may be cut."""

    order: NDArray[np.intp]
    sizes: NDArray[np.intp]
    cutoffs: Values


def search_cutoff(
    days: ArrayLike,
    progressed: ArrayLike,
    score: ArrayLike,
    *,
    minimum_share: float = 0.1,
    permutations: int,
    seed: int,
) -> CutoffSearch:
    """Try every observed score that leaves `minimum_share` of the patients on each side.

    The statistic is the absolute standardised sum of log-rank scores. `p_naive` is the log-rank p at the cut-off found,
    `p_approximation` that of Lausen & Schumacher 1994, `p_permutation` from searching again in permuted outcomes.
    DataError for fewer than 10 patients, scores that do not differ, no event, or no cut-off to try.
    """
    time, event, risk = _searchable(days, progressed, score)
    tried, ranks = _candidates(risk, minimum_share), _differing(logrank_scores(time, event))
    found = _statistics(ranks[None, tried.order], tried)[0]
    best = int(found.argmax())
    high = risk > tried.cutoffs[best]
    random = np.random.default_rng(seed)
    as_large = sum(
        int((_statistics(_shuffled(ranks, size, random), tried).max(axis=1) >= found[best] - ROUNDING).sum())
        for size in _chunks(permutations)
    )
    return CutoffSearch(
        cutoff=float(tried.cutoffs[best]),
        statistic=float(found[best]),
        p_naive=float(logrank_test(time[high], time[~high], event[high], event[~high]).p_value),
        p_approximation=lausen_schumacher_p(float(found[best]), tried.sizes, patients=time.size),
        p_permutation=(1 + as_large) / (1 + permutations),
        cutoffs=tuple(map(float, tried.cutoffs)),
        statistics=tuple(map(float, found)),
        n_high=tuple(int(time.size - size) for size in tried.sizes),
        minimum_share=minimum_share,
    )


def subset_permutation_p(
    days: ArrayLike,
    progressed: ArrayLike,
    score: ArrayLike,
    subset: ArrayLike,
    *,
    minimum_share: float = 0.1,
    permutations: int,
    seed: int,
) -> float:
    """p of high against low within a subset (n,) of patients when the cut-off was searched in all of them.

    Outcomes are permuted over all patients, the cut-off is searched again in all, and the subset is compared at it.
    Errors as `search_cutoff`.
    """
    time, event, risk = _searchable(days, progressed, score)
    inside = checked_members(time, subset)
    if inside.sum() < FEWEST:
        raise DataError(f"{inside.sum()} patients in the subset: its comparison needs at least {FEWEST}; add patients")
    tried, ranks = _candidates(risk, minimum_share), _differing(logrank_scores(time, event))
    observed = _subset_statistic(time, event, risk, inside, _best(ranks, tried))
    random = np.random.default_rng(seed)
    as_large = 0
    for _ in range(permutations):
        drawn = random.permutation(time.size)
        cutoff = _best(ranks[drawn], tried)
        as_large += _subset_statistic(time[drawn], event[drawn], risk, inside, cutoff) >= observed - ROUNDING
    return float((1 + as_large) / (1 + permutations))


def logrank_scores(time: Values, event: Flags) -> Values:
    """Log-rank scores (n,): events minus the cumulative hazard, with tied times as R's maxstat has them."""
    last = rankdata(time, method="max").astype(int)
    hazard = event / (time.size - last + 1)
    return np.asarray(event - np.cumsum(hazard[np.argsort(time, kind="stable")])[last - 1])


def lausen_schumacher_p(statistic: float, sizes: NDArray[np.intp], *, patients: int) -> float:
    """Improved Bonferroni bound of a maximally selected statistic over cuts after `sizes` patients, at most 1."""
    before, after = sizes[:-1], sizes[1:]
    distance = np.sqrt(1 - before * (patients - after) / ((patients - before) * after))
    density = np.exp(-(statistic**2) / 2) / np.pi
    between = (density * (distance - (statistic**2 / 4 - 1) * distance**3 / 6)).sum()
    return float(np.clip(2 * norm.sf(statistic) + between, 0, 1))


def _searchable(days: ArrayLike, progressed: ArrayLike, score: ArrayLike) -> tuple[Values, Flags, Values]:
    time, event = checked(days, progressed)
    if time.size < FEWEST:
        raise DataError(f"{time.size} patients: the search of a cut-off needs at least {FEWEST}; add patients")
    return time, event, checked_score(time, score)


def _differing(ranks: Values) -> Values:
    if np.ptp(ranks) < ROUNDING:
        raise DataError(
            f"all {ranks.size} patients progressed at the same time: no cut-off can divide them; give exact days"
        )
    return ranks


def _candidates(risk: Values, minimum_share: float) -> Candidates:
    order = np.argsort(risk, kind="stable")
    ordered = risk[order]
    sizes = np.flatnonzero(np.diff(ordered) > 0) + 1
    # both ends rounded down, as maxstat does
    fewest = max(1, int(np.floor(risk.size * minimum_share + ROUNDING)))
    most = int(np.floor(risk.size * (1 - minimum_share) + ROUNDING))
    sizes = sizes[(sizes >= fewest) & (sizes <= most)]
    if not sizes.size:
        raise DataError(
            f"no cut-off of the {risk.size} scores leaves {minimum_share:.0%} of the patients on each side; "
            "lower survival.minimum_share or give a cut-off"
        )
    return Candidates(order, sizes, ordered[sizes - 1])


def _statistics(ranks: Values, tried: Candidates) -> Values:
    """Absolute standardised sums of log-rank scores below each cut: (rows, n) in score order gives (rows, cuts)."""
    patients, low = ranks.shape[1], tried.sizes
    total = ranks.sum(axis=1, keepdims=True)
    spread = ((ranks - total / patients) ** 2).sum(axis=1, keepdims=True) / (patients - 1)
    below = np.cumsum(ranks, axis=1)[:, low - 1]
    variance = spread * low * (patients - low) / patients
    return np.asarray(np.abs(below - total * low / patients) / np.sqrt(variance))


def _best(ranks: Values, tried: Candidates) -> float:
    return float(tried.cutoffs[_statistics(ranks[None, tried.order], tried)[0].argmax()])


def _subset_statistic(time: Values, event: Flags, risk: Values, inside: Flags, cutoff: float) -> float:
    ranks, high = logrank_scores(time[inside], event[inside]), risk[inside] > cutoff
    n, m = high.size, int(high.sum())
    spread = ranks.var(ddof=1) * m * (n - m) / n if n > 1 else 0.0
    return float(abs(ranks[high].sum() - m * ranks.mean()) / np.sqrt(spread)) if spread > 0 else 0.0


def _shuffled(ranks: Values, rows: int, random: np.random.Generator) -> Values:
    return np.asarray(random.permuted(np.tile(ranks, (rows, 1)), axis=1))


def _chunks(total: int) -> list[int]:
    return [min(_CHUNK, total - start) for start in range(0, total, _CHUNK)]
