"""How well the sealed score tells high from low expression at the centre, beside what was sealed."""

from __future__ import annotations

from typing import Any

import pandas as pd

from client.evaluation.discrimination import evaluate_expression
from client.evaluation.parts import or_reason
from client.evaluation.table_one import expression_table
from client.validation.centre import Centre
from client.validation.recalibration import recalibrate
from client.validation.verdict import holds_here
from common.errors import DataError
from common.signature import Area, Description, NotKnown
from common.study import Evaluation

PARTS = ("discrimination", "roc", "operating_point", "calibration", "decision_curves", "subgroups")


def validate_expression(centre: Centre, settings: Evaluation, *, recalibration: bool, seed: int) -> dict[str, Any]:
    """The parts that `pdl1es-site evaluate` has, `sealed_discrimination` and, if asked for, `recalibration`."""
    try:
        rows = centre.cohort("expression")
    except DataError as error:
        reason = {"not_computed": str(error)}
        asked = ("recalibration",) if recalibration else ()
        return dict.fromkeys((*PARTS, "sealed_discrimination", *asked), reason) | {"table1": {"expression": reason}}
    sealed = centre.sealed
    found = evaluate_expression(rows, settings, threshold=sealed.operating_point)
    if sealed.operating_point is None:
        found["operating_point"] = {
            "not_computed": f"the signature has no operating point. {sealed.card.operating_point}"
        }
    found |= {
        "table1": {"expression": or_reason(expression_table, rows, label_tps=sealed.label_tps)},
        "sealed_discrimination": beside_sealed(found["discrimination"]["pdl1es"]["all"], sealed),
    }
    if recalibration:
        found["recalibration"] = or_reason(_recalibration, rows, seed=seed)
    return found


def beside_sealed(area: dict[str, Any], sealed: Description) -> dict[str, Any]:
    """The sealed test AUC, the verdict whether it holds, and the difference of the two with its 95% interval.

    The two groups of patients are independent, so the variances of the two intervals add up.
    """
    told = sealed.card.performance.discrimination.get("test", NotKnown(not_computed="the card has no test AUC"))
    if not isinstance(told, Area):
        return {"not_computed": f"the test AUC of the signature is not known: {told.not_computed}"}
    beside: dict[str, Any] = {"sealed": told.model_dump()}
    if "not_computed" in area:
        return {**beside, "verdict": None, "inside": None, "difference": None, "ci_low": None, "ci_high": None}
    difference = area["auc"] - told.auc
    widths = [(one["ci_high"] - one["ci_low"]) / 2 for one in (area, beside["sealed"])]
    margin = sum(width**2 for width in widths) ** 0.5
    return {
        **beside,
        "verdict": holds_here(sealed_auc=told.auc, ci_low=area["ci_low"], ci_high=area["ci_high"]),
        "inside": told.ci_low <= area["auc"] <= told.ci_high,
        "difference": difference,
        "ci_low": difference - margin,
        "ci_high": difference + margin,
    }


def _recalibration(rows: pd.DataFrame, *, seed: int) -> dict[str, Any]:
    return recalibrate(rows["label"], rows["pdl1es_logit"], seed=seed)
