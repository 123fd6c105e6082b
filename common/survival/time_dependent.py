"""Measures at a horizon: time-dependent AUC and the difference of restricted mean survival."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from lifelines import KaplanMeierFitter
from numpy.typing import ArrayLike
from scipy.stats import norm

from common.errors import DataError
from common.survival.checks import Flags, Values, checked, checked_horizon, checked_members, checked_score


@dataclass(frozen=True)
class TimeAuc:
    """Cumulative-dynamic AUC at a horizon: cases progressed until then, controls were followed beyond it."""

    days: float
    auc: float | None
    ci_low: float | None
    ci_high: float | None
    n_cases: int
    n_controls: int


@dataclass(frozen=True)
class RestrictedMeans:
    """Mean progression-free days until a horizon of the low and the high group, and high minus low.

    Interval and p are None where neither group varies until then.
    """

    days: float
    low: float
    high: float
    difference: float
    ci_low: float | None
    ci_high: float | None
    p: float | None


def time_dependent_auc(
    days: ArrayLike, progressed: ArrayLike, score: ArrayLike, *, at_days: Sequence[float], level: float = 0.95
) -> list[TimeAuc]:
    """AUC of a score (higher: earlier progression) at each horizon, censoring weighted as Uno does.

    The interval takes the weights as known; without censoring it is DeLong's. Where there are fewer than two cases or
    controls the numbers are None.
    Source: Uno 2007, doi:10.1198/016214507000000149.
    """
    time, event = checked(days, progressed)
    risk = checked_score(time, score)
    censoring = KaplanMeierFitter().fit(time, ~event)
    return [_time_auc(time, event, risk, censoring, horizon, level) for horizon in map(checked_horizon, at_days)]


def _time_auc(
    time: Values, event: Flags, risk: Values, censoring: KaplanMeierFitter, horizon: float, level: float
) -> TimeAuc:
    case, control = event & (time <= horizon), time > horizon
    n_cases, n_controls = int(case.sum()), int(control.sum())
    if min(n_cases, n_controls) < 2:
        return TimeAuc(horizon, None, None, None, n_cases, n_controls)
    # just before progression: censored at the same day, they are still under observation
    observed = censoring.survival_function_at_times(np.nextafter(time[case], 0)).to_numpy()
    weight = 1 / observed / (1 / observed).sum()
    right = (np.sign(risk[case][:, None] - risk[control]) + 1) / 2
    of_case, of_control = right.mean(axis=1), weight @ right
    value = float(weight @ of_case)
    of_cases = (weight**2 * (of_case - value) ** 2).sum() * n_cases / (n_cases - 1)
    variance = of_cases + ((of_control - value) ** 2).sum() / (n_controls * (n_controls - 1))
    margin = float(norm.ppf((1 + level) / 2) * np.sqrt(variance))
    return TimeAuc(horizon, value, max(value - margin, 0.0), min(value + margin, 1.0), n_cases, n_controls)


def restricted_mean_difference(
    days: ArrayLike, progressed: ArrayLike, high: ArrayLike, *, at_days: float | None = None, level: float = 0.95
) -> RestrictedMeans:
    """Restricted means of two groups until `at_days`, or until the shorter of their longest follow-ups.

    DataError when a group is empty or `at_days` lies beyond a group's follow-up. Source: Royston & Parmar 2013,
    doi:10.1186/1471-2288-13-152; variance after Greenwood, as R's survival prints it.
    """
    time, event = checked(days, progressed)
    group = checked_members(time, high)
    if not group.any() or group.all():
        raise DataError(f"{group.sum()} of {group.size} patients are in the high group: both groups need patients")
    shared = float(min(time[group].max(), time[~group].max()))
    horizon = checked_horizon(shared if at_days is None else at_days)
    if horizon > shared:
        raise DataError(f"a restricted mean until {horizon:g} days: one group was followed for {shared:g}; take fewer")
    (low, low_variance), (above, high_variance) = (
        restricted_mean(time[member], event[member], horizon=horizon) for member in (~group, group)
    )
    error = float(np.sqrt(low_variance + high_variance))
    difference = above - low
    if error == 0:
        return RestrictedMeans(horizon, low, above, difference, None, None, None)
    margin = float(norm.ppf((1 + level) / 2)) * error
    p = float(2 * norm.sf(abs(difference) / error))
    return RestrictedMeans(horizon, low, above, difference, difference - margin, difference + margin, p)


def restricted_mean(time: Values, event: Flags, *, horizon: float) -> tuple[float, float]:
    """Area under the Kaplan-Meier curve until the horizon and the variance of that area."""
    moments = np.unique(time[event & (time <= horizon)])
    deaths = np.array([(event & (time == moment)).sum() for moment in moments], dtype=float)
    at_risk = np.array([(time >= moment).sum() for moment in moments], dtype=float)
    survival = np.concatenate([[1.0], np.cumprod(1 - deaths / at_risk)])
    areas = survival * np.diff(np.concatenate([[0.0], moments, [horizon]]))
    left = areas[::-1].cumsum()[::-1][1:]
    spread = np.where(at_risk > deaths, deaths / (at_risk * np.maximum(at_risk - deaths, 1)), 0.0)
    return float(areas.sum()), float((left**2 * spread).sum())
