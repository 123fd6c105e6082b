"""Cox regression on several covariates, with a sentence instead of numbers where it has no answer."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from lifelines import CoxPHFitter
from lifelines.exceptions import ConvergenceError, ConvergenceWarning
from numpy.typing import ArrayLike
from sklearn.model_selection import StratifiedKFold

from common.errors import DataError
from common.survival.checks import Flags, Values, checked
from common.survival.concordance import concordance
from common.survival.covariates import checked_covariates
from common.survival.partial_likelihood import EventTimes, at_event_times
from common.survival.proportional_hazards import proportional_hazards_test
from common.survival.separation import separating_direction

LARGEST_EFFECT = 10.0
"""Log hazard between the ends of a covariate beyond which it is looked at whether the events are separated."""
LARGEST_LOG_HAZARD = 700.0
"""Beyond it a hazard ratio is not a finite number."""
STILL_MOVING = 1e-6
"""Newton step, in standard errors, beyond which a fit has not converged."""
_EXACT = {"precision": 1e-14, "r_precision": 1e-15}


@dataclass(frozen=True)
class CoxTerm:
    """One covariate of a Cox model: Wald's interval and p, and the test that its hazard ratio stays the same.

    `proportional_hazards_p` is None where too few different event times tell.
    """

    coefficient: float
    standard_error: float
    hazard_ratio: float
    ci_low: float
    ci_high: float
    p: float
    proportional_hazards_p: float | None


@dataclass(frozen=True)
class CoxModel:
    """A fitted Cox model (Efron's ties); `proportional_hazards_p` is of all covariates together."""

    n: int
    events: int
    c_index: float
    proportional_hazards_p: float | None
    terms: dict[str, CoxTerm]
    log_likelihood: float


def cox_regression(days: ArrayLike, progressed: ArrayLike, covariates: pd.DataFrame) -> CoxModel:
    """Fit a Cox model on covariates (n, k) without missing values.

    DataError names the column that is constant, that others give (collinear), or that separates the events.
    """
    time, event = checked(days, progressed)
    inputs = checked_covariates(covariates, patients=time.size)
    names = [str(name) for name in covariates.columns]
    fit = _fit(time, event, inputs, names)
    coefficients, errors = fit.params_.to_numpy(), fit.standard_errors_.to_numpy()
    if np.abs(coefficients * np.ptp(inputs, axis=0)).max() > LARGEST_EFFECT:
        _refuse_separation(time, event, inputs, names)
    at_maximum = _converged(at_event_times(time, event, inputs, coefficients), errors, names)
    hazards = proportional_hazards_test(at_maximum)
    return CoxModel(
        n=time.size,
        events=int(event.sum()),
        c_index=_c_index(time, event, inputs @ coefficients),
        proportional_hazards_p=hazards.global_p,
        terms=_terms(fit, names, hazards.p),
        log_likelihood=float(fit.log_likelihood_),
    )


def linear_predictor(model: CoxModel, covariates: pd.DataFrame) -> Values:
    """Log hazard (n,) relative to a patient whose covariates are all zero; not centred."""
    coefficients = [model.terms[str(name)].coefficient for name in covariates.columns]
    return np.asarray(covariates.to_numpy(dtype=float) @ np.array(coefficients))


def cross_validated_predictor(
    days: ArrayLike, progressed: ArrayLike, covariates: pd.DataFrame, *, folds: int = 10, seed: int
) -> Values:
    """Linear predictor (n,) of each patient from a model fitted without that patient's fold; folds balance events.

    Each fold's predictor is centred on its training patients, so that folds can be ranked together. Errors as
    `cox_regression`; DataError also when there are fewer events than folds.
    """
    time, event = checked(days, progressed)
    checked_covariates(covariates, patients=time.size)
    if event.sum() < folds:
        raise DataError(f"{event.sum()} events: cross-validation in {folds} folds needs as many; add patients")
    predicted = np.empty(time.size)
    divided = StratifiedKFold(folds, shuffle=True, random_state=seed % 2**32)
    with warnings.catch_warnings():
        # fewer censored patients than folds only means that not each fold has one
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        places = list(divided.split(covariates, event))
    for fitted, judged in places:
        try:
            model = cox_regression(time[fitted], event[fitted], covariates.iloc[fitted])
        except DataError as error:
            raise DataError(f"cross-validation, without the patients of one fold: {error}") from error
        centre = linear_predictor(model, covariates.iloc[fitted]).mean()
        predicted[judged] = linear_predictor(model, covariates.iloc[judged]) - centre
    return predicted


def _fit(time: Values, event: Flags, inputs: Values, names: list[str]) -> CoxPHFitter:
    frame = pd.DataFrame(inputs, columns=[f"x{place}" for place in range(len(names))])
    frame = frame.assign(days=time, progressed=event)
    try:
        with warnings.catch_warnings():
            # its guesses about columns and the overflow of a failing fit; what matters is checked here
            warnings.simplefilter("ignore", ConvergenceWarning)
            warnings.simplefilter("ignore", RuntimeWarning)
            return CoxPHFitter().fit(frame, "days", "progressed", fit_options=_EXACT)
    except ConvergenceError as error:
        _refuse_separation(time, event, inputs, names)
        raise _not_converged(names) from error


def _refuse_separation(time: Values, event: Flags, inputs: Values, names: list[str]) -> None:
    weights = separating_direction(time, event, inputs)
    if weights is None:
        return
    parts = [name for name, weight in zip(names, weights, strict=True) if weight]
    if len(parts) == 1:
        side = "highest" if weights.sum() > 0 else "lowest"
        what = f"{parts[0]} separates the events: whoever progressed had the {side} value of those still followed"
    else:
        what = f"{', '.join(parts)} together separate the events: their sum foretells who progresses next"
    raise DataError(f"{what}, so no finite hazard ratio exists; leave one out, merge rare values or add patients")


def _converged(fitted: EventTimes, errors: Values, names: list[str]) -> EventTimes:
    try:
        step = np.abs(fitted.newton_step())
    except np.linalg.LinAlgError as error:
        raise _not_converged(names) from error
    if not (step <= STILL_MOVING * errors).all():
        raise _not_converged(names)
    return fitted


def _not_converged(names: list[str]) -> DataError:
    return DataError(f"Cox regression on {', '.join(names)} does not converge; leave a column out or add patients")


def _terms(fit: CoxPHFitter, names: list[str], hazards_p: tuple[float | None, ...]) -> dict[str, CoxTerm]:
    bounds = fit.confidence_intervals_.to_numpy()
    for name, bound in zip(names, bounds, strict=True):
        if np.abs(bound).max() > LARGEST_LOG_HAZARD:
            raise DataError(f"the hazard ratio of a step of 1 in {name} is too large a number; give it in finer units")
    return {
        name: CoxTerm(
            coefficient=float(fit.params_.iloc[place]),
            standard_error=float(fit.standard_errors_.iloc[place]),
            hazard_ratio=float(fit.hazard_ratios_.iloc[place]),
            ci_low=float(np.exp(bounds[place, 0])),
            ci_high=float(np.exp(bounds[place, 1])),
            p=float(fit.summary["p"].iloc[place]),
            proportional_hazards_p=hazards_p[place],
        )
        for place, name in enumerate(names)
    }


def _c_index(time: Values, event: Flags, predictor: Values) -> float:
    return 0.5 if np.ptp(predictor) == 0 else concordance(time, event, predictor).c_index
