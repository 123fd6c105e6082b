"""How well a score tells two classes apart: the AUC with DeLong's interval, and the ROC curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm

from common.discrimination.classes import Values, area, by_class, components, standard_error, two_of_each


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
    DataError when a class is empty, a label is neither 0 nor 1, or a score is missing or infinite.
    """
    return area(components(*by_class(labels, scores)))


def auc_interval(labels: ArrayLike, scores: ArrayLike, *, level: float = 0.95) -> AucInterval:
    """Area under the ROC curve with DeLong's confidence interval, clipped to 0 and 1.

    Arguments as `auc`; DataError also when a class has a single patient. A perfect separation has no variance in
    DeLong's method, so its interval is a point. Source: DeLong 1988; midranks of Sun & Xu 2014.
    """
    positive, negative = by_class(labels, scores)
    two_of_each(positive, negative)
    parts = components(positive, negative)
    value, margin = area(parts), float(norm.ppf((1 + level) / 2)) * standard_error(parts)
    low, high = max(value - margin, 0.0), min(value + margin, 1.0)
    return AucInterval(value, low, high, n=positive.size + negative.size, n_positive=positive.size)


def roc_points(labels: ArrayLike, scores: ArrayLike) -> tuple[Values, Values]:
    """Corners of the ROC curve from (0, 0) to (1, 1): false and true positive rates, each (k,).

    Arguments and errors as `auc`. Points on a straight line between two others are left out.
    """
    positive, negative = by_class(labels, scores)
    thresholds = np.unique(np.concatenate([positive, negative]))[::-1]
    true = np.concatenate([[0], positive.size - np.searchsorted(np.sort(positive), thresholds)])
    false = np.concatenate([[0], negative.size - np.searchsorted(np.sort(negative), thresholds)])
    turn = np.diff(true[:-1]) * np.diff(false[1:]) != np.diff(true[1:]) * np.diff(false[:-1])
    corner = np.concatenate([[True], turn, [True]])
    return false[corner] / negative.size, true[corner] / positive.size
