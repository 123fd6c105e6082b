"""How well a score tells two classes apart: the AUC with DeLong's interval, and the ROC curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm, rankdata

from common.errors import DataError

Values = NDArray[np.float64]


@dataclass(frozen=True)
class AucInterval:
    """An area under the ROC curve, its confidence interval and whom it was measured on."""

    auc: float
    ci_low: float
    ci_high: float
    n: int
    n_positive: int


def auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Area under the ROC curve; ties count one half.

    `labels` (n,) of 0 and 1, `scores` (n,) of any scale, best logits: a saturated probability ties what a logit ranks.
    DataError when a class is empty, a label is neither 0 nor 1, or a score is NaN.
    """
    return _delong(*_by_class(labels, scores))[0]


def auc_interval(labels: ArrayLike, scores: ArrayLike, *, level: float = 0.95) -> AucInterval:
    """Area under the ROC curve with DeLong's confidence interval, clipped to 0 and 1.

    Arguments as `auc`; DataError also when a class has a single patient. A perfect separation has no variance in
    DeLong's method, so its interval is a point. Source: DeLong 1988; midranks of Sun & Xu 2014.
    """
    positive, negative = _by_class(labels, scores)
    if min(positive.size, negative.size) < 2:
        raise DataError(
            f"{positive.size} positive and {negative.size} negative patients: an AUC interval needs two of each; "
            "add patients"
        )
    value, variance = _delong(positive, negative)
    margin = float(norm.ppf((1 + level) / 2)) * variance**0.5
    low, high = max(value - margin, 0.0), min(value + margin, 1.0)
    return AucInterval(value, low, high, n=positive.size + negative.size, n_positive=positive.size)


def roc_points(labels: ArrayLike, scores: ArrayLike) -> tuple[Values, Values]:
    """Corners of the ROC curve from (0, 0) to (1, 1): false and true positive rates, each (k,).

    Arguments and errors as `auc`. Points on a straight line between two others are left out.
    """
    positive, negative = _by_class(labels, scores)
    thresholds = np.unique(np.concatenate([positive, negative]))[::-1]
    true = np.concatenate([[0], positive.size - np.searchsorted(np.sort(positive), thresholds)])
    false = np.concatenate([[0], negative.size - np.searchsorted(np.sort(negative), thresholds)])
    turn = np.diff(true[:-1]) * np.diff(false[1:]) != np.diff(true[1:]) * np.diff(false[:-1])
    corner = np.concatenate([[True], turn, [True]])
    return false[corner] / negative.size, true[corner] / positive.size


def _by_class(labels: ArrayLike, scores: ArrayLike) -> tuple[Values, Values]:
    label = np.asarray(labels, dtype=np.float64)
    score = np.asarray(scores, dtype=np.float64)
    if label.ndim != 1 or label.shape != score.shape:
        raise DataError(f"labels {label.shape} and scores {score.shape}: give one label and one score a patient")
    wrong = int(np.sum((label != 0) & (label != 1)))
    if wrong:
        raise DataError(f"{wrong} of {label.size} labels are neither 0 nor 1: leave these patients out")
    missing = int(np.isnan(score).sum())
    if missing:
        raise DataError(f"{missing} of {score.size} scores are missing: score every patient")
    positive, negative = score[label == 1], score[label == 0]
    if not positive.size or not negative.size:
        raise DataError(
            f"{positive.size} positive and {negative.size} negative patients: an ROC curve needs both classes"
        )
    return positive, negative


def _delong(positive: Values, negative: Values) -> tuple[float, float]:
    """AUC and its variance; the variance is NaN-free only for two of each class."""
    m, n = positive.size, negative.size
    ranks = rankdata(np.concatenate([positive, negative]))
    above_negative = (ranks[:m] - rankdata(positive)) / n
    below_positive = 1 - (ranks[m:] - rankdata(negative)) / m
    variance = _mean_variance(above_negative) + _mean_variance(below_positive)
    return float(above_negative.mean()), variance


def _mean_variance(values: Values) -> float:
    return float(values.var(ddof=1) / values.size) if values.size > 1 else 0.0
