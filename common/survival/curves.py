"""Kaplan-Meier curves and medians of one group of patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from lifelines import KaplanMeierFitter
from lifelines.utils import median_survival_times
from numpy.typing import ArrayLike

from common.survival.checks import Flags, Values, checked


@dataclass(frozen=True)
class Median:
    """Median survival in days with its 95% interval; None where the curve does not come down to one half."""

    days: float | None
    ci_low: float | None
    ci_high: float | None


@dataclass(frozen=True)
class SurvivalCurve:
    """Kaplan-Meier estimate: one value a step, with its 95% interval (log-log), and those at risk at chosen days."""

    days: tuple[float, ...]
    survival: tuple[float, ...]
    ci_low: tuple[float, ...]
    ci_high: tuple[float, ...]
    censored_days: tuple[float, ...]
    at_risk: tuple[int, ...]


def kaplan_meier(days: ArrayLike, progressed: ArrayLike, *, at_risk_days: Sequence[float]) -> SurvivalCurve:
    """Kaplan-Meier curve of one group, starting with survival 1 at day 0, and the number at risk at chosen days.

    Arguments and errors as `compare_groups`.
    """
    time, event = checked(days, progressed)
    fit = _kaplan_meier(time, event)
    survival = fit.survival_function_.iloc[:, 0]
    # At 0 and at 1 the log-log interval is undefined: it is drawn as a point there.
    bounds = fit.confidence_interval_.apply(lambda bound: bound.fillna(survival))
    return SurvivalCurve(
        days=tuple(map(float, survival.index)),
        survival=tuple(map(float, survival)),
        ci_low=tuple(map(float, bounds.iloc[:, 0])),
        ci_high=tuple(map(float, bounds.iloc[:, 1])),
        censored_days=tuple(map(float, np.sort(time[~event]))),
        at_risk=tuple(int((time >= day).sum()) for day in at_risk_days),
    )


def _kaplan_meier(time: Values, event: Flags) -> KaplanMeierFitter:
    return KaplanMeierFitter().fit(time, event)


def median_survival(time: Values, event: Flags) -> Median:
    """Median of one group whose follow-up was checked."""
    fit = _kaplan_meier(time, event)
    low, high = median_survival_times(fit.confidence_interval_).iloc[0]
    return Median(_reached(fit.median_survival_time_), _reached(low), _reached(high))


def _reached(days: float) -> float | None:
    return float(days) if np.isfinite(days) else None
