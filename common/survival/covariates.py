"""Covariates as a matrix that a Cox model can be fitted on, or a sentence that names the column in the way."""

from __future__ import annotations

import numpy as np
import pandas as pd

from common.errors import DataError
from common.survival.checks import Values

COLLINEAR = 1e-8
"""Largest residual, in standard deviations, of a column that others give."""


def checked_covariates(covariates: pd.DataFrame, *, patients: int) -> Values:
    """Covariates (n, k) as numbers; DataError names columns that are incomplete, constant, or given by others."""
    if covariates.shape[1] == 0 or len(covariates) != patients:
        raise DataError(
            f"{patients} patients and covariates {covariates.shape}: give a row each and a covariate or more"
        )
    names = [str(name) for name in covariates.columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"{', '.join(twice)} is there more than once: give each covariate a name of its own")
    numbers: Values = covariates.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    _refuse_gaps(numbers, names)
    _refuse_constant(numbers, names)
    _refuse_collinear(numbers, names)
    return numbers


def _refuse_gaps(numbers: Values, names: list[str]) -> None:
    gaps = [name for name, column in zip(names, numbers.T, strict=True) if not np.isfinite(column).all()]
    if gaps:
        raise DataError(
            f"{', '.join(gaps)} has missing values or words: Cox regression needs every number; leave patients out"
        )


def _refuse_constant(numbers: Values, names: list[str]) -> None:
    for name, column in zip(names, numbers.T, strict=True):
        if column.min() == column.max():
            raise DataError(
                f"{name} is {column[0]:g} for everyone: Cox regression needs values that differ; leave it out"
            )


def _refuse_collinear(numbers: Values, names: list[str]) -> None:
    scaled = (numbers - numbers.mean(axis=0)) / numbers.std(axis=0)
    for place, name in enumerate(names[:-1]):
        others = np.delete(scaled, place, axis=1)
        weights, *_ = np.linalg.lstsq(others, scaled[:, place], rcond=None)
        if np.abs(others @ weights - scaled[:, place]).max() < COLLINEAR:
            rest = [other for other, weight in zip(np.delete(names, place), weights, strict=True) if abs(weight) > 1e-6]
            raise DataError(f"{name} follows from {', '.join(rest)} (collinear): leave one of them out")
