"""Follow-up as numbers that can be computed with, or a sentence that says why not."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from common.errors import DataError

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]


def checked(days: ArrayLike, progressed: ArrayLike) -> tuple[Values, Flags]:
    """Follow-up in days and whether the disease progressed, both (n,); DataError says what is wrong with them."""
    time = _numbers(days, "days")
    event = _numbers(progressed, "progressed")
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


def checked_score(time: Values, score: ArrayLike) -> Values:
    """A score (n,) that differs between patients; DataError otherwise."""
    risk = _numbers(score, "score")
    if risk.shape != time.shape or not np.isfinite(risk).all():
        raise DataError(f"{time.size} patients and {int(np.isfinite(risk).sum())} scores: give one score a patient")
    if risk.min() == risk.max():
        raise DataError(f"all {risk.size} scores are {risk[0]:g}: nothing can be compared unless scores differ")
    return risk


def checked_members(time: Values, members: ArrayLike) -> Flags:
    """Which patients (n,) belong to a group, as 0 and 1; DataError otherwise."""
    group = _numbers(members, "groups")
    if group.shape != time.shape:
        raise DataError(f"{time.size} patients and {group.size} groups: give one group a patient")
    wrong = int(((group != 0) & (group != 1)).sum())
    if wrong:
        raise DataError(f"{wrong} of {group.size} groups are neither 0 nor 1: leave out patients of unknown group")
    return np.equal(group, 1)


def checked_horizon(days: float) -> float:
    """A day after the start until which something is measured; DataError otherwise."""
    if not (np.isfinite(days) and days > 0):
        raise DataError(f"a horizon of {days:g} days: give a number of days above 0")
    return float(days)


def _numbers(values: ArrayLike, name: str) -> Values:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name} holds something that is not a number ({error}): give numbers") from error
