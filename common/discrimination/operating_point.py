"""A threshold at which a patient is called positive, and what it gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from statsmodels.stats.proportion import proportion_confint

from common.discrimination.classes import checked
from common.errors import DataError


@dataclass(frozen=True)
class Proportion:
    """A share with Wilson's 95% interval; None where nobody is counted."""

    value: float | None
    ci_low: float | None
    ci_high: float | None


@dataclass(frozen=True)
class OperatingPoint:
    """The four counts at a threshold and the shares that follow from them."""

    true_positive: int
    false_positive: int
    true_negative: int
    false_negative: int
    sensitivity: Proportion
    specificity: Proportion
    ppv: Proportion
    npv: Proportion


def youden_threshold(labels: ArrayLike, scores: ArrayLike) -> float:
    """The score with the largest sensitivity + specificity - 1 when patients from it on are called positive.

    Of several such scores the highest. Errors as `auc`. Source: Youden 1950,
    doi:10.1002/1097-0142(1950)3:1<32::AID-CNCR2820030106>3.0.CO;2-3.
    """
    label, score = checked(labels, scores)
    thresholds = np.unique(score)[::-1]
    true = label.sum() - np.searchsorted(np.sort(score[label]), thresholds)
    false = (~label).sum() - np.searchsorted(np.sort(score[~label]), thresholds)
    # whole numbers, so that equal points tie and the first, highest, threshold wins
    return float(thresholds[np.argmax(true * (~label).sum() - false * label.sum())])


def at_threshold(labels: ArrayLike, scores: ArrayLike, *, threshold: float) -> OperatingPoint:
    """Call a patient positive when `score >= threshold` and count.

    Errors as `auc`; DataError also for a threshold that is no number.
    """
    label, score = checked(labels, scores)
    if np.isnan(threshold):
        raise DataError("the threshold is no number: choose one by youden_threshold, or give the sealed one")
    called = score >= threshold
    true_positive, false_positive = int((called & label).sum()), int((called & ~label).sum())
    false_negative, true_negative = int((~called & label).sum()), int((~called & ~label).sum())
    return OperatingPoint(
        true_positive=true_positive,
        false_positive=false_positive,
        true_negative=true_negative,
        false_negative=false_negative,
        sensitivity=proportion(true_positive, true_positive + false_negative),
        specificity=proportion(true_negative, true_negative + false_positive),
        ppv=proportion(true_positive, true_positive + false_positive),
        npv=proportion(true_negative, true_negative + false_negative),
    )


def proportion(count: int, total: int) -> Proportion:
    """A share with Wilson's interval; None when the total is 0."""
    return Proportion(count / total, *wilson(count, total)) if total else Proportion(None, None, None)


def wilson(count: int, total: int) -> tuple[float, float]:
    """Wilson's 95% interval of a share. Source: Wilson 1927, doi:10.1080/01621459.1927.10502953."""
    low, high = proportion_confint(count, total, method="wilson")
    return float(low), float(high)
