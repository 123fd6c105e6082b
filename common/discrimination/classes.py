"""Labels and scores of patients, checked and parted by class; DeLong's structural components."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from common.errors import DataError

Values = NDArray[np.float64]


def by_class(labels: ArrayLike, scores: ArrayLike) -> tuple[Values, Values]:
    """Scores of the positive and of the negative patients; DataError when a class is empty or a value is no number."""
    label, score = checked(labels, scores)
    return score[label], score[~label]


def checked(labels: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.bool_], Values]:
    """Labels as booleans and scores as numbers, both (n,); DataError as `by_class`."""
    label = np.asarray(labels, dtype=np.float64)
    score = np.asarray(scores, dtype=np.float64)
    if label.ndim != 1 or label.shape != score.shape:
        raise DataError(f"labels {label.shape} and scores {score.shape}: give one label and one score a patient")
    wrong = int(np.sum((label != 0) & (label != 1)))
    if wrong:
        raise DataError(f"{wrong} of {label.size} labels are neither 0 nor 1: leave these patients out")
    missing = int((~np.isfinite(score)).sum())
    if missing:
        raise DataError(f"{missing} of {score.size} scores are missing or infinite: score every patient")
    positive = int((label == 1).sum())
    if positive in (0, label.size):
        raise DataError(f"{positive} positive and {label.size - positive} negative patients: both classes are needed")
    return label == 1, score


def two_of_each(positive: Values, negative: Values) -> None:
    """DataError when a class has a single patient, whose components have no variance."""
    if min(positive.size, negative.size) < 2:
        raise DataError(
            f"{positive.size} positive and {negative.size} negative patients: DeLong's variance needs two of each; "
            "add patients"
        )


def components(positive: Values, negative: Values) -> tuple[Values, Values]:
    """DeLong's components: share of the other class that each positive (m,) and negative (n,) patient is right against.

    Source: DeLong 1988; midranks of Sun & Xu 2014.
    """
    m, n = positive.size, negative.size
    ranks = rankdata(np.concatenate([positive, negative]))
    return (ranks[:m] - rankdata(positive)) / n, 1 - (ranks[m:] - rankdata(negative)) / m


def area(parts: tuple[Values, Values]) -> float:
    """Area under the ROC curve from its components."""
    return float(parts[0].mean())


def standard_error(parts: tuple[Values, Values]) -> float:
    """DeLong's standard error of an area, or of a difference of areas from differences of components."""
    return float(sum(part.var(ddof=1) / part.size for part in parts) ** 0.5)
