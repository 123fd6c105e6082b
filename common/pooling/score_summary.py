"""What a site says of its patients' scores: pairs it ordered itself, and counts between edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from common.discrimination.classes import components
from common.errors import DataError
from common.pooling.checks import Flags, Values, checked_labels, checked_minimum

NARROWEST_GAP = 1e-6
"""Patients whose scores are closer than this part of them (or than this, below 1) stay in one bin."""
EDGE_DECIMALS = 2


@dataclass(frozen=True)
class ScoreSummary:
    """Scores of a site's patients without any patient's score.

    `u` counts the pairs of a positive and a negative patient of this site in the right order, ties one half; the
    variances are those (over patients, not a sample) of DeLong's components. Between the rising inner `edges` lie
    `positive` and `negative` patients, one bin more than edges, the outer two open; `ends` is how far these reach if
    patients are spread evenly in them, None where the site has fewer patients than a bin must.
    """

    n_positive: int
    n_negative: int
    u: float
    variance_positive: float
    variance_negative: float
    edges: tuple[float, ...]
    positive: tuple[int, ...]
    negative: tuple[int, ...]
    ends: tuple[float, float] | None


def score_summary(labels: ArrayLike, logits: ArrayLike, *, minimum_count: int) -> ScoreSummary:
    """Summary of a site's `labels` (n,) of 0 and 1 and `logits` (n,), at least `minimum_count` patients in each bin.

    Fewer patients make one bin; a class may be empty. DataError without patients, for missing or infinite scores and
    other labels.
    """
    least = checked_minimum(minimum_count)
    score = _checked_scores(logits)
    label = checked_labels(labels, patients=score.size)
    edges = _edges(np.sort(score), least)
    place = np.searchsorted(edges, score)
    positive, negative = (np.bincount(place[group], minlength=edges.size + 1).tolist() for group in (label, ~label))
    u, variance_positive, variance_negative = _within(score, label)
    return ScoreSummary(
        n_positive=int(label.sum()),
        n_negative=int((~label).sum()),
        u=u,
        variance_positive=variance_positive,
        variance_negative=variance_negative,
        edges=tuple(edges.tolist()),
        positive=tuple(positive),
        negative=tuple(negative),
        ends=_ends(score, edges) if score.size >= least else None,
    )


def _checked_scores(logits: ArrayLike) -> Values:
    score = np.asarray(logits, dtype=np.float64)
    if score.ndim != 1 or not score.size:
        raise DataError(f"scores {score.shape}: give one score a patient, and at least one patient")
    missing = int((~np.isfinite(score)).sum())
    if missing:
        raise DataError(f"{missing} of {score.size} scores are missing or infinite: score every patient")
    return score


def _within(score: Values, label: Flags) -> tuple[float, float, float]:
    """Pairs in the right order and the variances of DeLong's components; zeros without pairs."""
    if label.all() or not label.any():
        return 0.0, 0.0, 0.0
    of_positive, of_negative = components(score[label], score[~label])
    # twice the pairs is a whole number
    u = round(2 * float(of_positive.sum()) * of_negative.size) / 2
    return u, float(of_positive.var()), float(of_negative.var())


def _edges(rising: Values, least: int) -> Values:
    """Edges between neighbouring patients, as many as leave `least` patients in each bin, as even as ties allow."""
    cuts, start = [], 0
    gaps = np.diff(rising) > NARROWEST_GAP * np.maximum(1.0, np.abs(rising[1:]))
    for cut in np.flatnonzero(gaps) + 1:
        left = rising.size - start
        if rising.size - cut >= least and cut - start >= left // max(left // least, 1):
            cuts.append(_edge(float(rising[cut - 1]), float(rising[cut])))
            start = int(cut)
    return np.array(cuts)


def _edge(below: float, above: float) -> float:
    """Midway between two neighbours, with two decimals unless they are too close for that."""
    middle = below + (above - below) / 2
    rounded = (round(middle, decimals) for decimals in range(EDGE_DECIMALS, 9))
    return next((edge for edge in rounded if below < edge < above), middle)


def _ends(score: Values, edges: Values) -> tuple[float, float]:
    """Limits of a uniform density that has the outer bins' means, or the mean and deviation of a single bin."""
    if not edges.size:
        reach = 3**0.5 * float(score.std())
        return float(score.mean()) - reach, float(score.mean()) + reach
    first, last = score[score < edges[0]].mean(), score[score > edges[-1]].mean()
    return float(2 * first - edges[0]), float(2 * last - edges[-1])
