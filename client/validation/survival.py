"""Progression at the sealed cut-off; no cut-off is searched for and no other score is fitted."""

from __future__ import annotations

from typing import Any

import pandas as pd

from client.clinical import VARIABLES
from client.evaluation.cox_models import cox_models
from client.evaluation.parts import or_reason
from client.evaluation.survival import GROUPS, follow_up_warnings
from client.evaluation.survival_cutoff import Rule, divide_score
from client.evaluation.survival_group import group_part
from client.evaluation.survival_scores import pdl1es_score
from client.evaluation.table_one import immunotherapy_table
from client.validation.centre import Centre
from common.errors import DataError
from common.signature import HazardRatio
from common.study import Survival

OF_THE_SCORE = ("pdl1es", "pdl1es_score", *(f"pdl1es_{name}" for name in VARIABLES))
"""Cox regressions that are shown: the score alone, and beside one clinical variable."""


def validate_survival(centre: Centre, settings: Survival, *, seed: int) -> dict[str, Any]:
    """`survival` of the sealed score, `sealed_survival` and the Cox regressions that hold the score."""
    try:
        treated = centre.cohort("immunotherapy")
    except DataError as error:
        reason = {"not_computed": str(error)}
        return {"survival": reason, "sealed_survival": reason, "table1": {"immunotherapy": reason}, "warnings": []}
    told = centre.sealed.card.performance.survival
    return {
        **_at_the_cutoff(treated, centre, settings, seed=seed),
        "sealed_survival": told.model_dump()
        if isinstance(told, HazardRatio)
        else {"not_computed": f"the hazard ratio of the signature is not known: {told.not_computed}"},
        "table1": {"immunotherapy": or_reason(immunotherapy_table, treated)},
        "warnings": follow_up_warnings(treated),
    }


def _at_the_cutoff(treated: pd.DataFrame, centre: Centre, settings: Survival, *, seed: int) -> dict[str, Any]:
    sealed = centre.sealed
    if sealed.cutoff is None:
        reason = {"not_computed": f"the signature has no cut-off. {sealed.card.cutoff}"}
        return {"survival": {"pdl1es": dict.fromkeys(GROUPS, reason)}, **_of_the_score(cox_models(treated, reason))}
    divided = divide_score(treated, pdl1es_score(treated), Rule("sealed", sealed.cutoff), settings, seed=seed)
    groups = {name: or_reason(group_part, treated, divided, settings, group=name, seed=seed) for name in GROUPS}
    return {"survival": {"pdl1es": groups}, **_of_the_score(cox_models(treated, divided.high))}


def _of_the_score(models: dict[str, Any]) -> dict[str, Any]:
    return {part: {name: one for name, one in found.items() if name in OF_THE_SCORE} for part, found in models.items()}
