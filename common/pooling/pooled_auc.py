"""The AUC over all sites' patients, from summaries that hold no patient's score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from common.discrimination.classes import Values
from common.errors import DataError
from common.pooling.score_bins import Bins, bins_of, even_credit
from common.pooling.score_summary import ScoreSummary


@dataclass(frozen=True)
class PooledAuc:
    """Estimated AUC of all patients with DeLong's interval, the bounds it cannot leave, and the larger distance to one.

    The interval is about other patients, the bounds about what the bins hide of these.
    """

    auc: float
    ci_low: float
    ci_high: float
    n: int
    n_positive: int
    lowest: float
    highest: float
    error_bound: float


def within_site_auc(summaries: Sequence[ScoreSummary]) -> float:
    """Share of pairs of patients of the same site in the right order; a shift between sites does not change it.

    DataError where no site has both classes.
    """
    pairs = sum(one.n_positive * one.n_negative for one in summaries)
    if not pairs:
        raise DataError(f"none of {len(summaries)} sites has both classes: an AUC within sites needs one that has")
    return sum(one.u for one in summaries) / pairs


def pooled_auc(summaries: Sequence[ScoreSummary], *, level: float = 0.95) -> PooledAuc:
    """AUC over all pairs of patients: exact within a site, from bins between sites.

    Pairs of overlapping bins count what they would if patients were spread evenly in each, at odds multiplied by
    those that positives are above negatives of the same bin, which sites know exactly. `lowest` and `highest` call
    all such pairs wrong and right. DeLong's variance is that of the bins' expected components, and what is lost within
    bins as it is within sites. DataError for fewer than two patients of a class and for counts that contradict each
    other. Source of the variance: DeLong 1988, doi:10.2307/2531595.
    """
    bins = bins_of(summaries)
    positive, negative = bins.positive.sum(), bins.negative.sum()
    if min(positive, negative) < 2:
        raise DataError(f"{positive:g} positive and {negative:g} negative patients: two of each are needed; add sites")
    exact = sum(one.u for one in summaries)
    between, total = bins.pairs * ~bins.own, positive * negative
    credit = _credit(bins, summaries)
    value = float((exact + (between * credit).sum()) / total)
    lowest = float((exact + between[bins.right].sum()) / total)
    highest = float((exact + between[~bins.wrong].sum()) / total)
    margin = float(norm.ppf((1 + level) / 2)) * _standard_error(bins, credit, summaries)
    return PooledAuc(
        auc=value,
        ci_low=max(value - margin, 0.0),
        ci_high=min(value + margin, 1.0),
        n=int(positive + negative),
        n_positive=int(positive),
        lowest=lowest,
        highest=highest,
        error_bound=max(value - lowest, highest - value),
    )


def _credit(bins: Bins, summaries: Sequence[ScoreSummary]) -> Values:
    """Expected share of pairs in the right order, of positives in bin i and negatives in bin j (b, b)."""
    even = even_credit(bins)
    same, right = _same_bin(bins, summaries)
    chance = (right.sum() + 1) / (same.sum() + 2)
    undecided = even * chance / (even * chance + (1 - even) * (1 - chance))
    share = np.where(bins.right, 1.0, np.where(bins.wrong, 0.0, undecided))
    # within a site the mean of the undecided is known
    own = np.divide(right, same, out=np.full(same.size, 0.5), where=same > 0)
    np.fill_diagonal(share, own[bins.site])
    return np.asarray(share)


def _same_bin(bins: Bins, summaries: Sequence[ScoreSummary]) -> tuple[Values, Values]:
    """Of each site: pairs of patients that share a bin, and how many of them are in the right order."""
    decided = (bins.pairs * (bins.own & bins.right)).sum(axis=1)
    by_site = np.equal(np.arange(len(summaries))[:, None], bins.site)
    same = np.asarray(by_site @ (bins.positive * bins.negative))
    right = np.array([one.u for one in summaries]) - by_site @ decided
    return same, np.asarray(right.clip(0, same))


def _standard_error(bins: Bins, credit: Values, summaries: Sequence[ScoreSummary]) -> float:
    """DeLong's, of the bins' expected components and of the spread of components within bins."""
    of_positive = _variance(credit, bins.positive, bins.negative)
    of_negative = _variance(credit.T, bins.negative, bins.positive)
    hidden = _hidden(bins, credit, summaries)
    m, n = bins.positive.sum(), bins.negative.sum()
    return float(np.sqrt(max(0.0, of_positive + hidden[0]) / (m - 1) + max(0.0, of_negative + hidden[1]) / (n - 1)))


def _variance(credit: Values, patients: Values, others: Values) -> float:
    """Variance over patients in bins of their expected component against the others."""
    component = credit @ others / others.sum()
    mean = np.average(component, weights=patients)
    return float(np.average((component - mean) ** 2, weights=patients))


def _hidden(bins: Bins, credit: Values, summaries: Sequence[ScoreSummary]) -> tuple[float, float]:
    """Variance of components that bins do not show: the sites' exact ones less those of their own bins."""
    rows = []
    for place, one in enumerate(summaries):
        if one.n_positive and one.n_negative:
            mine = bins.site == place
            own, positive, negative = credit[np.ix_(mine, mine)], bins.positive[mine], bins.negative[mine]
            of_positive = one.variance_positive - _variance(own, positive, negative)
            of_negative = one.variance_negative - _variance(own.T, negative, positive)
            rows.append((one.n_positive, of_positive, one.n_negative, of_negative))
    if not rows:
        return 0.0, 0.0
    m, of_positives, n, of_negatives = np.array(rows).T
    return float(np.average(of_positives, weights=m)), float(np.average(of_negatives, weights=n))
