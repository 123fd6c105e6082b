"""From the patients' scores to what the results say: discrimination, ROC curves and survival."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from common.discrimination import auc_interval, roc_points
from common.errors import DataError
from common.survival import GroupComparison, Median, compare_groups, concordance, kaplan_meier

MODELS = ("pdl1es", "clinical", "radiomics", "deep")
DIVISIONS = ("training", "validation", "test")
COLUMNS = ("division", "label", "pfs_days", "progressed", "pdl1es_score", *(f"{model}_logit" for model in MODELS))
AT_RISK_STEPS = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
AT_RISK_COLUMNS = 7


def evaluate(predictions: pd.DataFrame) -> dict[str, Any]:
    """Evaluate four models on three divisions, and PD-L1ES on the immunotherapy cohort.

    `predictions` has a row a patient and the columns `division` (training, validation, test, immunotherapy), `label`
    (0 or 1), `pfs_days`, `progressed` (0 or 1), `pdl1es_score` (0 to 1) and a logit for each model, as `COLUMNS`
    names them. Returns what JSON can hold, without NaN; a part that cannot be computed is `{"not_computed": why}`.
    DataError when a column is missing.
    """
    missing = [column for column in COLUMNS if column not in predictions]
    if missing:
        raise DataError(f"the predictions lack the columns {', '.join(missing)}: score every model before evaluating")
    parts = {division: predictions[predictions["division"] == division] for division in DIVISIONS}
    treated = predictions[predictions["division"] == "immunotherapy"]
    return {
        "discrimination": _each(_discrimination, parts),
        "discrimination_by_slice": {"pdl1es": {name: _or_reason(_by_slice, rows) for name, rows in parts.items()}},
        "roc": _each(_roc, parts),
        "survival": {"pdl1es": {"all": _or_reason(_survival, treated)}},
    }


def _each(part: Callable[[pd.Series, pd.Series], dict[str, Any]], divisions: dict[str, pd.DataFrame]) -> dict[str, Any]:
    return {
        model: {name: _or_reason(part, rows["label"], rows[f"{model}_logit"]) for name, rows in divisions.items()}
        for model in MODELS
    }


def _or_reason(part: Callable[..., dict[str, Any]], *tables: pd.DataFrame | pd.Series) -> dict[str, Any]:
    try:
        return part(*tables)
    except DataError as error:
        return {"not_computed": str(error)}


def _discrimination(labels: pd.Series, logits: pd.Series) -> dict[str, Any]:
    return asdict(auc_interval(labels, logits))


def _by_slice(rows: pd.DataFrame) -> dict[str, Any]:
    """As if slices were patients, which is what the width of the paper's training interval suggests."""
    slices = rows.filter(regex=r"^pdl1es_slice\d+_logit$")
    if slices.empty:
        raise DataError("no score of a single slice is there: score the patients slice by slice")
    labels = np.repeat(rows["label"].to_numpy(), slices.shape[1])
    return asdict(auc_interval(labels, slices.to_numpy().ravel()))


def _roc(labels: pd.Series, logits: pd.Series) -> dict[str, Any]:
    false, true = roc_points(labels, logits)
    return {"fpr": false.tolist(), "tpr": true.tolist()}


def _survival(rows: pd.DataFrame) -> dict[str, Any]:
    if rows.empty:
        raise DataError("no patient of the immunotherapy cohort was scored: add such patients to compare survival")
    days, progressed = rows["pfs_days"], rows["progressed"]
    cutoff = float(rows["pdl1es_score"].median())
    high = (rows["pdl1es_score"] > cutoff).to_numpy()
    compared = compare_groups(days, progressed, high)
    by_score = concordance(days, progressed, rows["pdl1es_logit"])
    by_group = concordance(days, progressed, high)
    return {
        "cutoff": cutoff,
        "cutoff_rule": "median",
        **_flat(compared),
        "c_index": by_score.c_index,
        "c_index_ci_low": by_score.ci_low,
        "c_index_ci_high": by_score.ci_high,
        "c_index_groups": by_group.c_index,
        "c_index_groups_ci_low": by_group.ci_low,
        "c_index_groups_ci_high": by_group.ci_high,
        "curves": _curves(rows, high),
    }


def _flat(compared: GroupComparison) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name in compared.__dataclass_fields__:
        value = getattr(compared, name)
        if isinstance(value, Median):
            flat |= {name: value.days, f"{name}_ci_low": value.ci_low, f"{name}_ci_high": value.ci_high}
        else:
            flat[name] = value
    return flat


def _curves(rows: pd.DataFrame, high: np.ndarray[Any, np.dtype[np.bool_]]) -> dict[str, Any]:
    days = _at_risk_days(float(rows["pfs_days"].max()))
    curves: dict[str, Any] = {"at_risk_days": days}
    for name, group in (("low", rows[~high]), ("high", rows[high])):
        curve = asdict(kaplan_meier(group["pfs_days"], group["progressed"], at_risk_days=days))
        curves[name] = {key: list(values) for key, values in curve.items()}
    return curves


def _at_risk_days(longest: float) -> list[int]:
    step = next((step for step in AT_RISK_STEPS if longest / step < AT_RISK_COLUMNS), AT_RISK_STEPS[-1])
    return list(range(0, int(longest) + 1, step))
