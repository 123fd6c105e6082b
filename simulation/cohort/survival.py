"""Progression-free survival: proportional hazards on the latent score and age, and censoring at a calibrated date."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common.study import Signal
from simulation.cohort.latents import Floats

MEDIAN_DAYS = 275.0
"""Median PFS of a patient of mean latent score and mean age; between the paper's 183 and 363 days."""
SHAPE = 1.3
"""Weibull shape: the hazard rises slowly."""
LATE_ENTRY = 2.4
"""Power of the uniform entry times: above one, more patients came late and are followed for a shorter time."""
SHORTEST_FOLLOW_UP = 0.05
"""Shortest possible follow-up as a part of the longest."""
REFERENCE_AGE = 60.7
"""Years at which age neither raises nor lowers the hazard; the immunotherapy cohort's mean."""
DECADE = 10.0


@dataclass(frozen=True)
class Outcome:
    """PFS of patients in whole days, at least 1; progressed is 1 when the disease progressed then, 0 when censored."""

    days: NDArray[np.int64]
    progressed: NDArray[np.int64]


def log_hazard(score: Floats, age: NDArray[np.int64], signal: Signal) -> Floats:
    """Log hazard relative to a patient of mean latent score and reference age."""
    return np.asarray(signal.hazard * score + signal.age_hazard * (age - REFERENCE_AGE) / DECADE)


def progression_times(log_hazards: Floats, rng: np.random.Generator) -> Floats:
    """Weibull times to progression in days under proportional hazards."""
    cumulative = rng.exponential(size=log_hazards.size)
    return np.asarray(MEDIAN_DAYS * (cumulative / (np.log(2) * np.exp(log_hazards))) ** (1 / SHAPE))


def follow_up_times(times: Floats, rng: np.random.Generator, *, events: int) -> Floats:
    """Follow-up in days by date of entry, stretched until exactly `events` progressions fall into it.

    A patient's progression is seen when its time over the relative follow-up is below the stretch, so the stretch lies
    between the ordered ratios number `events` and the next.
    """
    entry = rng.uniform(size=times.size) ** LATE_ENTRY
    relative = SHORTEST_FOLLOW_UP + (1 - SHORTEST_FOLLOW_UP) * entry
    ratios = np.concatenate([[0.0], np.sort(times / relative)])
    following = ratios[min(events + 1, times.size)]
    return np.asarray(relative * (ratios[events] + following) / 2)


def draw_outcome(log_hazards: Floats, rng: np.random.Generator, *, events: int) -> Outcome:
    """PFS and progression of a cohort with exactly `events` progressions."""
    times = progression_times(log_hazards, rng)
    follow_up = follow_up_times(times, rng, events=events)
    days = np.maximum(np.ceil(np.minimum(times, follow_up)), 1).astype(np.int64)
    return Outcome(days, (times <= follow_up).astype(np.int64))
