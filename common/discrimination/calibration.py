"""Whether predicted probabilities happen as often as they say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import statsmodels.api as sm
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import expit
from statsmodels.nonparametric.smoothers_lowess import lowess

from common.discrimination.classes import Values, checked
from common.discrimination.operating_point import wilson
from common.errors import DataError

MOST_GROUPS = 10
PATIENTS_A_GROUP = 20
FEWEST_PATIENTS = 10
WIDEST_INTERVAL = 200.0
"""Log-odds; a wider 95% interval says that the likelihood is flat, not where its maximum is."""
SMOOTH_SHARE = 0.75
"""Part of the patients that each point of the smooth curve looks at."""


@dataclass(frozen=True)
class CalibrationGroup:
    """Patients of similar predicted risk: the mean prediction, and the observed share with Wilson's interval."""

    predicted: float
    observed: float
    ci_low: float
    ci_high: float
    n: int


@dataclass(frozen=True)
class Calibration:
    """Calibration of one score; a perfect one has intercept 0 and slope 1."""

    n: int
    brier: float
    intercept: float
    intercept_ci_low: float
    intercept_ci_high: float
    slope: float
    slope_ci_low: float
    slope_ci_high: float
    mean_predicted: float
    observed: float
    groups: tuple[CalibrationGroup, ...]
    smooth: dict[str, list[float]]


def calibrate(labels: ArrayLike, logits: ArrayLike, *, groups: int = MOST_GROUPS) -> Calibration:
    """Brier score, calibration in the large, slope, groups by predicted risk and a smooth curve.

    `labels` (n,) of 0 and 1, `logits` (n,) of the predicted probability. The intercept is that of a logistic model
    with the logit as offset (slope 1), the slope that of a logistic regression on the logit. `groups` is the largest
    number of groups by quantile; there are fewer when they would have fewer than `PATIENTS_A_GROUP` patients. DataError
    for one class, constant logits, fewer than `FEWEST_PATIENTS`, classes that the logits separate, and logits so far
    from 0 that the likelihood is flat.
    Source: Van Calster 2019, doi:10.1186/s12916-019-1466-7.
    """
    label, logit = checked(labels, logits)
    _check_estimable(label, logit)
    predicted = expit(logit)
    intercept, intercept_low, intercept_high = _intercept(label, logit)
    slope, slope_low, slope_high = _slope(label, logit)
    return Calibration(
        n=label.size,
        brier=float(((predicted - label) ** 2).mean()),
        intercept=intercept,
        intercept_ci_low=intercept_low,
        intercept_ci_high=intercept_high,
        slope=slope,
        slope_ci_low=slope_low,
        slope_ci_high=slope_high,
        mean_predicted=float(predicted.mean()),
        observed=float(label.mean()),
        groups=_groups(label, logit, groups),
        smooth=_smooth(label, predicted),
    )


def _check_estimable(label: NDArray[np.bool_], logit: Values) -> None:
    """DataError where the likelihood of the slope has no maximum, or too few patients say anything about it."""
    if np.ptp(logit) <= 1e-9 * max(1.0, float(np.abs(logit).max())):
        raise DataError(f"all {logit.size} predictions are equal: calibration needs predictions that differ")
    if logit.size < FEWEST_PATIENTS:
        raise DataError(f"{logit.size} patients: calibration needs at least {FEWEST_PATIENTS}; add patients")
    positive, negative = logit[label], logit[~label]
    if positive.min() >= negative.max() or negative.min() >= positive.max():
        raise DataError(
            f"the predictions separate all {label.size} patients by class: a calibration slope does not exist; "
            "add patients"
        )


def _intercept(label: NDArray[np.bool_], logit: Values) -> tuple[float, float, float]:
    """Intercept of the logistic model whose slope is 1, with its 95% Wald interval."""
    # far log-odds throw statsmodels' steps off, so they start at the root of the score, which rises throughout
    start = brentq(lambda value: expit(value + logit).sum() - label.sum(), -logit.max() - 50, -logit.min() + 50)
    return _last_coefficient(label, np.ones((label.size, 1)), offset=logit, start_params=[start])


def _slope(label: NDArray[np.bool_], logit: Values) -> tuple[float, float, float]:
    """Slope of the logistic regression on the logit, with its 95% Wald interval."""
    scale = float(logit.std())
    # the fit of a standardised input is exact for logits of any size
    inputs = sm.add_constant((logit - logit.mean()) / scale)
    value, low, high = _last_coefficient(label, inputs)
    return value / scale, low / scale, high / scale


def _last_coefficient(
    label: NDArray[np.bool_], inputs: Values, *, offset: Values | None = None, start_params: list[float] | None = None
) -> tuple[float, float, float]:
    model = sm.GLM(label.astype(float), inputs, family=sm.families.Binomial(), offset=offset)
    with np.errstate(all="ignore"):
        fitted = model.fit(start_params=start_params, tol=1e-12)
        low, high = fitted.conf_int()[-1]
        # the likelihood is flat where it has its maximum
        gradient = np.abs(inputs.T @ (label - fitted.fittedvalues)).max() / label.size
    if not (high - low < WIDEST_INTERVAL and gradient < 1e-6):
        raise DataError(
            f"the {label.size} predictions lie so close to 0 and 1, or separate the classes so nearly, that they fix "
            "no calibration: add patients, or give log-odds of less extreme probabilities"
        )
    return float(fitted.params[-1]), float(low), float(high)


def _groups(label: NDArray[np.bool_], logit: Values, most: int) -> tuple[CalibrationGroup, ...]:
    """Groups between quantiles of the predicted risk; equal predictions stay together."""
    number = int(np.clip(label.size // PATIENTS_A_GROUP, 1, most))
    edges = np.unique(np.quantile(logit, np.linspace(0, 1, number + 1)[1:-1]))
    group = np.searchsorted(edges, logit)
    return tuple(_group(label[group == index], logit[group == index]) for index in np.unique(group))


def _group(label: NDArray[np.bool_], logit: Values) -> CalibrationGroup:
    positive = int(label.sum())
    low, high = wilson(positive, label.size)
    return CalibrationGroup(float(expit(logit).mean()), positive / label.size, low, high, n=label.size)


def _smooth(label: NDArray[np.bool_], predicted: Values) -> dict[str, list[float]]:
    """Local regression at 50 points; points whose neighbours all have one prediction are left out."""
    points = np.linspace(predicted.min(), predicted.max(), 50)
    with np.errstate(all="ignore"):
        observed = lowess(label.astype(float), predicted, frac=SMOOTH_SHARE, it=0, xvals=points)
    finite = np.isfinite(observed)
    return {"predicted": points[finite].tolist(), "observed": np.clip(observed[finite], 0, 1).tolist()}
