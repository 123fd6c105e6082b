"""Progression-free survival of two groups: log-rank test and Cox regression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from lifelines.statistics import logrank_test
from numpy.typing import ArrayLike

from common.errors import DataError
from common.survival.checks import Flags, Values, checked, checked_members
from common.survival.cox import cox_regression
from common.survival.curves import Median, median_survival


@dataclass(frozen=True)
class GroupComparison:
    """Two groups of patients, high against low; the hazard ratio is of high to low, with its 95% interval.

    `proportional_hazards_p` is None where too few different event times tell.
    """

    hazard_ratio: float
    ci_low: float
    ci_high: float
    hazard_ratio_p: float
    proportional_hazards_p: float | None
    logrank_p: float
    logrank_chi2: float
    median_low: Median
    median_high: Median
    n: int
    n_high: int
    events: int
    events_high: int


def compare_groups(days: ArrayLike, progressed: ArrayLike, high: ArrayLike) -> GroupComparison:
    """Compare progression between the high and the low group by log-rank and Cox regression (Efron's ties).

    `days` (n,) from 0 on, `progressed` (n,) and `high` (n,) of 0 and 1. DataError when a group is empty or has no
    event, when days are negative or groups unknown, or when only one group progressed while both were at risk.
    """
    time, event = checked(days, progressed)
    group = checked_members(time, high)
    for name, member in (("high", group), ("low", ~group)):
        if not event[member].any():
            raise DataError(
                f"the {name} group has {member.sum()} patients and no progression: "
                "a hazard ratio needs events in both groups"
            )
    test = logrank_test(time[group], time[~group], event[group], event[~group])
    if _separated(time, event, group):
        raise DataError(
            "while both groups were at risk only one of them progressed, so Cox regression finds no finite hazard "
            "ratio; add patients"
        )
    term = cox_regression(time, event, pd.DataFrame({"high": group.astype(np.float64)})).terms["high"]
    return GroupComparison(
        hazard_ratio=term.hazard_ratio,
        ci_low=term.ci_low,
        ci_high=term.ci_high,
        hazard_ratio_p=term.p,
        proportional_hazards_p=term.proportional_hazards_p,
        logrank_p=float(test.p_value),
        logrank_chi2=float(test.test_statistic),
        median_low=median_survival(time[~group], event[~group]),
        median_high=median_survival(time[group], event[group]),
        n=time.size,
        n_high=int(group.sum()),
        events=int(event.sum()),
        events_high=int(event[group].sum()),
    )


def _separated(time: Values, event: Flags, group: Flags) -> bool:
    """Whether the partial likelihood rises without end: no or one-sided events while both groups are at risk."""
    both_until = min(time[group].max(), time[~group].max())
    sides = group[event & (time <= both_until)]
    return bool(sides.all() or not sides.any())
