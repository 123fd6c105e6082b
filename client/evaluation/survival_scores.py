"""The three scores that divide patients under immunotherapy: PD-L1ES, a clinical Cox model, and both together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from client.clinical import VARIABLES, encode
from client.evaluation.parts import ranking
from common.errors import DataError
from common.study import ClinicalVariable
from common.survival import cox_regression, cross_validated_predictor, linear_predictor

FOLDS = 10


@dataclass(frozen=True)
class Score:
    """A score of patients: `rank` orders them, `value` is what a cut-off is given in; both rise together."""

    rank: pd.Series
    value: pd.Series
    cross_validated: pd.Series | None = None
    """The same score from a model that was fitted without the patient; None where nothing was fitted here."""


def pdl1es_score(treated: pd.DataFrame) -> Score:
    """PD-L1ES itself; nothing is fitted."""
    return Score(ranking(treated, "pdl1es"), treated["pdl1es_score"])


def clinical_score(treated: pd.DataFrame, *, seed: int) -> Score:
    """Linear predictor of a Cox model on the clinical variables, of the patients in whom all of them are known."""
    return _fitted(treated, clinical_covariates(treated), seed=seed)


def combined_score(treated: pd.DataFrame, *, seed: int) -> Score:
    """Linear predictor of a Cox model on PD-L1ES and the clinical linear predictor."""
    return _fitted(treated, combined_covariates(treated), seed=seed)


def combined_covariates(treated: pd.DataFrame) -> pd.DataFrame:
    """PD-L1ES and the linear predictor of the clinical Cox model."""
    covariates = clinical_covariates(treated)
    rows = treated.loc[covariates.index]
    model = cox_regression(rows["pfs_days"], rows["progressed"], covariates)
    return pd.DataFrame({"pdl1es": rows["pdl1es_score"], "clinical": linear_predictor(model, covariates)})


def clinical_covariates(treated: pd.DataFrame, variables: Sequence[ClinicalVariable] = VARIABLES) -> pd.DataFrame:
    """Age in decades and coded sex, smoking and family history of the patients in whom all of these are known.

    A variable that nobody has, or that is the same for everyone, is left out. DataError when nothing is left.
    """
    encoded = encode(treated).assign(age=treated["age"] / 10)
    told = [name for name in variables if encoded[name].nunique() > 1]
    complete = encoded[told].dropna()
    useful = [name for name in told if complete[name].nunique() > 1]
    if not useful:
        raise DataError(
            "no clinical variable differs between the patients of the immunotherapy cohort: a Cox model needs "
            f"{', '.join(variables)}; fill in what is known"
        )
    return complete[useful]


def _fitted(treated: pd.DataFrame, covariates: pd.DataFrame, *, seed: int) -> Score:
    rows = treated.loc[covariates.index]
    days, progressed = rows["pfs_days"], rows["progressed"]
    predictor = linear_predictor(cox_regression(days, progressed, covariates), covariates)
    values = pd.Series(predictor, index=covariates.index)
    try:
        held_out = cross_validated_predictor(days, progressed, covariates, folds=FOLDS, seed=seed)
    except DataError:
        # too few events to leave a fold out; the model itself stands
        return Score(values, values)
    return Score(values, values, pd.Series(held_out, index=covariates.index))
