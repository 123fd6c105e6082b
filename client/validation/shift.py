"""Whether a centre's patients look like those a signature was trained on, by the means of their inputs.

Rule "means": a group of inputs differs when both hold. (1) The squared differences of the means, each by its sampling
error and summed, are larger than in 99% of draws without a shift. Without one the difference of two means has the
variance 1/n + 1/N in training deviations, whatever the distribution; how the inputs hang together is taken from the
centre's patients by a multiplier bootstrap (Chernozhukov, Chetverikov and Kato 2013, doi:10.1214/13-AOS1161). (2) At
least one mean is beyond its sampling error and beyond 0.25 training deviations, the bound from which groups are held
to differ (Rubin 2001, doi:10.1023/A:1020363010465; Stuart 2010, doi:10.1214/09-STS313), so that many patients do not
make a trifle a shift. With two groups, radiomic and clinical, about 2 in 100 centres that draw their patients as the
training sites together did are called different, and up to about 8 where the inputs are skewed as a log-normal is. The
spread, the share far out and the acquisition are shown beside the verdict and do not enter it. A hospital of the same
kind may differ from all training sites together as much as one of them does.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd

from common.errors import DataError

BOUND = 0.25
"""Training deviations; a smaller difference of means is never called a shift."""
LEVEL = 0.01
"""For each of the two groups of columns."""
FAR = 3.0
"""Training deviations from which a value lies far out."""
FEWEST = 10
"""Patients that a verdict needs."""
DRAWS = 2000
_QUANTILE = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class ColumnShift:
    """One input at the centre; differences are in training deviations, None where nobody has a value."""

    name: str
    n: int
    missing: float
    """Share of patients without a value."""
    difference: float | None
    """Mean of the centre less mean of training."""
    standard_error: float | None
    deviation_ratio: float | None
    """Deviation of the centre by that of training."""
    far: float | None
    """Share of values beyond `FAR`."""
    shifted: bool


@dataclass(frozen=True)
class Shift:
    """A group of inputs together."""

    patients: int
    training_patients: int
    columns: tuple[ColumnShift, ...]
    shifted: int
    expected: float
    """Shifted columns on average without a shift."""
    p: float
    """Of the summed differences, without a shift."""
    noticed_from: float
    """The smallest difference that can be called a shift with so many patients."""
    differs: bool


def measure_shift(standardised: pd.DataFrame, *, training_patients: int, seed: int = 0) -> Shift:
    """Compare inputs (patients, columns), standardised by the training's mean and deviation, NaN unknown, with it.

    The rule is in the module's text. DataError for fewer patients than `FEWEST`, or none in training.
    """
    if len(standardised) < FEWEST:
        raise DataError(f"{len(standardised)} patients: a verdict on shift needs at least {FEWEST}; add patients")
    if training_patients < 1:
        raise DataError("the signature does not say how many patients it was trained on; ask for one that does")
    values = standardised.to_numpy(dtype=float)
    known = np.isfinite(values)
    counts = known.sum(axis=0)
    error = np.sqrt(1 / np.maximum(counts, 1) + 1 / training_patients)
    columns = tuple(
        _column(str(name), values[known[:, place], place], len(values), error=float(error[place]))
        for place, name in enumerate(standardised.columns)
    )
    drawn = _without_shift(values, known, seed=seed)
    size = sum((one.difference / one.standard_error) ** 2 for one in columns if one.difference and one.standard_error)
    p = (1 + int(((drawn**2).sum(axis=1) >= size).sum())) / (1 + DRAWS)
    shifted = sum(one.shifted for one in columns)
    return Shift(
        patients=len(values),
        training_patients=training_patients,
        columns=columns,
        shifted=shifted,
        expected=float((np.abs(drawn) * error > _limit(error)).sum(axis=1).mean()),
        p=p,
        noticed_from=float(_limit(error[counts > 0]).min(initial=np.inf)) if counts.any() else BOUND,
        differs=p <= LEVEL and shifted > 0,
    )


def _limit(error: np.ndarray | float) -> np.ndarray:
    """The difference from which a mean is shifted."""
    return np.maximum(BOUND, _QUANTILE * np.asarray(error))


def _column(name: str, values: np.ndarray, patients: int, *, error: float) -> ColumnShift:
    missing = 1 - values.size / patients
    if not values.size:
        return ColumnShift(name, 0, missing, None, None, None, None, shifted=False)
    difference = float(values.mean())
    return ColumnShift(
        name=name,
        n=values.size,
        missing=missing,
        difference=difference,
        standard_error=error,
        deviation_ratio=float(values.std(ddof=1)) if values.size > 1 else None,
        far=float((np.abs(values) > FAR).mean()),
        shifted=bool(abs(difference) > _limit(error)),
    )


def _without_shift(values: np.ndarray, known: np.ndarray, *, seed: int) -> np.ndarray:
    """Differences by their sampling errors as they are without a shift, (DRAWS, columns)."""
    counts = np.maximum(known.sum(axis=0), 1)
    filled = np.where(known, values, 0)
    residual = np.where(known, filled - filled.sum(axis=0) / counts, 0)
    length = np.sqrt((residual**2).sum(axis=0))
    # a column that is constant at the centre cannot say how it varies
    unit = np.divide(residual, length, out=np.zeros_like(residual), where=length > 0)
    return np.asarray(np.random.default_rng(seed).normal(size=(DRAWS, len(values))) @ unit)
