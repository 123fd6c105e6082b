"""What a fresh intercept, or intercept and slope, would do to the score's calibration, judged on held-out patients."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from common.discrimination import calibrate
from common.errors import DataError

FOLDS = 10
FEWEST_OF_A_CLASS = 10
"""Patients of each class that a refit needs."""
Values = NDArray[np.float64]


def recalibrate(labels: pd.Series, logits: pd.Series, *, seed: int) -> dict[str, Any]:
    """`sealed`, `intercept` and `intercept_and_slope`: calibration of the sealed score and of both refits.

    `labels` (n,) of 0 and 1, `logits` (n,). Each patient's refitted log-odds come from a model without that patient
    (10 folds, stratified); `coefficients` are those of all patients. DataError for fewer than 10 patients of a class.
    Source: Steyerberg 2004, doi:10.1002/sim.1844.
    """
    label, logit = labels.to_numpy(dtype=float), logits.to_numpy(dtype=float)
    fewest = int(min((label == 1).sum(), (label == 0).sum()))
    if fewest < FEWEST_OF_A_CLASS:
        raise DataError(
            f"{fewest} patients in one of the classes: recalibration needs {FEWEST_OF_A_CLASS} of each; add patients"
        )
    parts = {"intercept": False, "intercept_and_slope": True}
    return {"folds": FOLDS, "sealed": asdict(calibrate(label, logit))} | {
        name: _refitted(label, logit, slope=slope, seed=seed) for name, slope in parts.items()
    }


def _refitted(label: Values, logit: Values, *, slope: bool, seed: int) -> dict[str, Any]:
    held_out = np.empty_like(logit)
    for fitted, judged in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(logit, label):
        intercept, factor = coefficients(label[fitted], logit[fitted], slope=slope)
        held_out[judged] = intercept + factor * logit[judged]
    intercept, factor = coefficients(label, logit, slope=slope)
    return {**asdict(calibrate(label, held_out)), "coefficients": {"intercept": intercept, "slope": factor}}


def coefficients(label: Values, logit: Values, *, slope: bool) -> tuple[float, float]:
    """Intercept and slope of the logistic regression of labels on log-odds; with a fixed slope, 1.

    DataError when the patients fix no finite ones.
    """
    inputs = np.column_stack([np.ones_like(logit), logit]) if slope else np.ones((logit.size, 1))
    offset = None if slope else logit
    with np.errstate(all="ignore"):
        fitted = sm.GLM(label, inputs, family=sm.families.Binomial(), offset=offset).fit(tol=1e-12)
        gradient = np.abs(inputs.T @ (label - fitted.fittedvalues)).max() / label.size
    if not (np.isfinite(fitted.params).all() and gradient < 1e-6):
        raise DataError("the log-odds separate the classes, or nearly: no recalibration exists; add patients")
    return float(fitted.params[0]), float(fitted.params[1]) if slope else 1.0
