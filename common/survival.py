"""Progression-free survival of two groups: Kaplan-Meier, log-rank, Cox and the concordance of a score."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from lifelines import CoxPHFitter, KaplanMeierFitter
from lifelines.exceptions import ConvergenceWarning
from lifelines.statistics import logrank_test
from lifelines.utils import median_survival_times
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from common.errors import DataError

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Median:
    """Median survival in days with its 95% interval; None where the curve does not come down to one half."""

    days: float | None
    ci_low: float | None
    ci_high: float | None


@dataclass(frozen=True)
class GroupComparison:
    """Two groups of patients, high against low; the hazard ratio is of high to low, with its 95% interval."""

    hazard_ratio: float
    ci_low: float
    ci_high: float
    logrank_p: float
    logrank_chi2: float
    median_low: Median
    median_high: Median
    n: int
    n_high: int
    events: int
    events_high: int


@dataclass(frozen=True)
class Concordance:
    """Share of comparable pairs of patients that a score puts in the right order, with its confidence interval."""

    c_index: float
    ci_low: float
    ci_high: float


@dataclass(frozen=True)
class SurvivalCurve:
    """Kaplan-Meier estimate: one value a step, with its 95% interval (log-log), and those at risk at chosen days."""

    days: tuple[float, ...]
    survival: tuple[float, ...]
    ci_low: tuple[float, ...]
    ci_high: tuple[float, ...]
    censored_days: tuple[float, ...]
    at_risk: tuple[int, ...]


def compare_groups(days: ArrayLike, progressed: ArrayLike, high: ArrayLike) -> GroupComparison:
    """Compare progression between the high and the low group by log-rank and Cox regression (Efron's ties).

    `days` (n,) from 0 on, `progressed` (n,) and `high` (n,) of 0 and 1. DataError when a group is empty or has no
    event, when days are negative, or when only one group progressed while both were at risk.
    """
    time, event = _checked(days, progressed)
    group = np.asarray(high, dtype=np.float64) == 1
    if group.shape != time.shape:
        raise DataError(f"{time.size} patients and {group.size} groups: give one group a patient")
    for name, member in (("high", group), ("low", ~group)):
        if not event[member].any():
            raise DataError(
                f"the {name} group has {member.sum()} patients and no progression: "
                "a hazard ratio needs events in both groups"
            )
    test = logrank_test(time[group], time[~group], event[group], event[~group])
    ratio, low, high_bound = _cox(time, event, group)
    return GroupComparison(
        hazard_ratio=ratio,
        ci_low=low,
        ci_high=high_bound,
        logrank_p=float(test.p_value),
        logrank_chi2=float(test.test_statistic),
        median_low=_median(time[~group], event[~group]),
        median_high=_median(time[group], event[group]),
        n=time.size,
        n_high=int(group.sum()),
        events=int(event.sum()),
        events_high=int(event[group].sum()),
    )


def concordance(days: ArrayLike, progressed: ArrayLike, score: ArrayLike, *, level: float = 0.95) -> Concordance:
    """Harrell's C-index of a score, higher meaning earlier progression; tied scores count one half.

    `score` (n,) of any scale; the others as `compare_groups`. The interval is the infinitesimal jackknife's, as in
    R's survival::concordance, clipped to 0 and 1. DataError for constant or missing scores and for no comparable pair.
    """
    time, event = _checked(days, progressed)
    risk = np.asarray(score, dtype=np.float64)
    if risk.shape != time.shape or np.isnan(risk).any():
        raise DataError(f"{time.size} patients and {int((~np.isnan(risk)).sum())} scores: give one score a patient")
    if risk.min() == risk.max():
        raise DataError(f"all {risk.size} scores are {risk[0]:g}: a C-index needs scores that differ")
    right, comparable = _pairs(time, event, risk)
    if not comparable.sum():
        raise DataError("no patient outlived another's progression: a C-index needs such pairs; follow up longer")
    pairs = comparable.sum() / 2
    value = float(right.sum() / comparable.sum())
    influence = (right.sum(axis=1) - value * comparable.sum(axis=1)) / pairs
    margin = float(norm.ppf((1 + level) / 2) * np.sqrt((influence**2).sum()))
    return Concordance(value, max(value - margin, 0.0), min(value + margin, 1.0))


def kaplan_meier(days: ArrayLike, progressed: ArrayLike, *, at_risk_days: Sequence[float]) -> SurvivalCurve:
    """Kaplan-Meier curve of one group, starting with survival 1 at day 0, and the number at risk at chosen days.

    Arguments and errors as `compare_groups`.
    """
    time, event = _checked(days, progressed)
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


def _checked(days: ArrayLike, progressed: ArrayLike) -> tuple[Values, Flags]:
    time = np.asarray(days, dtype=np.float64)
    event = np.asarray(progressed, dtype=np.float64)
    if time.ndim != 1 or time.shape != event.shape:
        raise DataError(f"days {time.shape} and progressed {event.shape}: give one of each a patient")
    wrong = int((~np.isfinite(time) | (time < 0)).sum())
    if wrong:
        raise DataError(f"{wrong} of {time.size} follow-up times are negative or missing: give days from 0 on")
    wrong = int(((event != 0) & (event != 1)).sum())
    if wrong:
        raise DataError(f"{wrong} of {event.size} values of progressed are neither 0 nor 1: mend them")
    if not event.any():
        raise DataError(f"none of {event.size} patients progressed: survival cannot be compared without events")
    return time, event == 1


def _kaplan_meier(time: Values, event: Flags) -> KaplanMeierFitter:
    return KaplanMeierFitter().fit(time, event)


def _median(time: Values, event: Flags) -> Median:
    fit = _kaplan_meier(time, event)
    low, high = median_survival_times(fit.confidence_interval_).iloc[0]
    return Median(_reached(fit.median_survival_time_), _reached(low), _reached(high))


def _reached(days: float) -> float | None:
    return float(days) if np.isfinite(days) else None


def _cox(time: Values, event: Flags, group: Flags) -> tuple[float, float, float]:
    if _separated(time, event, group):
        raise DataError(
            "while both groups were at risk only one of them progressed, so Cox regression finds no finite hazard "
            "ratio; add patients"
        )
    frame = pd.DataFrame({"days": time, "progressed": event, "high": group.astype(np.float64)})
    with warnings.catch_warnings():
        # Its guess from the order of the rows; the exact condition was checked above.
        warnings.simplefilter("ignore", ConvergenceWarning)
        fit = CoxPHFitter().fit(frame, "days", "progressed")
    low, high = np.exp(fit.confidence_intervals_.loc["high"])
    return float(np.exp(fit.params_["high"])), float(low), float(high)


def _separated(time: Values, event: Flags, group: Flags) -> bool:
    """Whether the partial likelihood rises without end: no or one-sided events while both groups are at risk."""
    both_until = min(time[group].max(), time[~group].max())
    sides = group[event & (time <= both_until)]
    return bool(sides.all() or not sides.any())


def _pairs(time: Values, event: Flags, risk: Values) -> tuple[Values, Values]:
    """Both (n, n) and symmetric: 1 where a pair is comparable, and its credit of 1, one half or 0."""
    first = event[:, None] & ((time[:, None] < time) | ((time[:, None] == time) & ~event))
    credit = first * (np.sign(risk[:, None] - risk) + 1) / 2
    return credit + credit.T, first.astype(np.float64) + first.T
