"""Cox regressions of PD-L1ES and the clinical variables, alone and together (paper, Results)."""

from __future__ import annotations

from dataclasses import asdict

import pandas as pd

from client.clinical import VARIABLES
from client.evaluation.parts import Results, or_reason
from client.evaluation.survival_scores import clinical_covariates, combined_covariates
from common.errors import DataError
from common.study import ClinicalVariable
from common.survival import cox_regression

SCORE_STEP = 0.1
"""The hazard ratio of PD-L1ES as a number is given for a tenth."""


def cox_models(treated: pd.DataFrame, high: pd.Series | Results) -> Results:
    """`cox_univariable` and `cox_multivariable`; `high` is PD-L1ES above its cut-off, or why there is none."""
    groups = high if isinstance(high, dict) else None
    above = pd.Series(dtype=float) if isinstance(high, dict) else high.astype(float)
    multivariable = {f"pdl1es_{name}": groups or or_reason(_with_one, treated, above, name) for name in VARIABLES} | {
        "pdl1es_clinical": groups or or_reason(_with_clinical, treated, above),
        "clinical": or_reason(_clinical, treated),
    }
    return {"cox_univariable": _univariable(treated, groups, above), "cox_multivariable": multivariable}


def _univariable(treated: pd.DataFrame, groups: Results | None, above: pd.Series) -> Results:
    found = {
        "pdl1es": groups or or_reason(_one, treated, above.rename("pdl1es")),
        "pdl1es_score": or_reason(_one, treated, (treated["pdl1es_score"] / SCORE_STEP).rename("pdl1es_score")),
    }
    return found | {name: or_reason(_variable, treated, name) for name in VARIABLES}


def _one(treated: pd.DataFrame, values: pd.Series) -> Results:
    model = _model(treated, values.to_frame())
    return {"n": model["n"], "events": model["events"], **model["terms"][values.name]}


def _variable(treated: pd.DataFrame, name: ClinicalVariable) -> Results:
    return _one(treated, clinical_covariates(treated, [name])[name])


def _with_one(treated: pd.DataFrame, above: pd.Series, name: ClinicalVariable) -> Results:
    known = clinical_covariates(treated, [name])[name]
    return _model(treated, pd.DataFrame({"pdl1es": above[known.index], name: known}))


def _with_clinical(treated: pd.DataFrame, above: pd.Series) -> Results:
    clinical = combined_covariates(treated)["clinical"]
    return _model(treated, pd.DataFrame({"pdl1es": above[clinical.index], "clinical": clinical}))


def _clinical(treated: pd.DataFrame) -> Results:
    return _model(treated, clinical_covariates(treated))


def _model(treated: pd.DataFrame, covariates: pd.DataFrame) -> Results:
    if covariates.empty:
        raise DataError("no patient has all of the values: fill in what is known")
    rows = treated.loc[covariates.index]
    found = asdict(cox_regression(rows["pfs_days"], rows["progressed"], covariates))
    return {name: found[name] for name in ("n", "events", "c_index", "proportional_hazards_p", "terms")}
