"""A run's predictions evaluated as the paper does it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pandas as pd

from client.evaluation.discrimination import evaluate_expression
from client.evaluation.parts import MODELS, or_reason
from client.evaluation.survival import evaluate_survival
from client.evaluation.table_one import expression_table, immunotherapy_table
from client.pipeline import Prepared
from client.redivision import redivided
from common.discrimination import auc_interval
from common.study import Study

__all__ = ["DIVISIONS", "MODELS", "evaluate", "redivision_rows"]

DIVISIONS = ("training", "validation", "test")


def evaluate(predictions: pd.DataFrame, study: Study) -> dict[str, Any]:
    """Evaluate four models on three divisions, and PD-L1ES on the immunotherapy cohort.

    `predictions` has a row a patient as `client.pipeline.predict` gives it. Returns what JSON can hold, without NaN; a
    part that cannot be computed is `{"not_computed": why}`.
    """
    expression = predictions[predictions["division"].isin(DIVISIONS)]
    treated = predictions[predictions["division"] == "immunotherapy"]
    return {
        "table1": {
            "expression": or_reason(expression_table, expression, label_tps=study.cohort.label_tps),
            "immunotherapy": or_reason(immunotherapy_table, treated),
        },
        **evaluate_expression(expression, study.evaluation),
        **evaluate_survival(treated, study.survival, seed=study.seed),
    }


def redivision_rows(prepared: Prepared, predictions: pd.DataFrame, study: Study) -> Iterator[dict[str, Any]]:
    """AUC of PD-L1ES trained again under each re-division of validation and test; number 0 is the run itself."""
    for number in range(study.evaluation.redivisions + 1):
        division = redivided(prepared, redivision=number, seed=study.seed).patients["division"]
        logits = predictions[f"redivision{number}_logit" if number else "pdl1es_logit"]
        row: dict[str, Any] = {"redivision": number}
        for name in DIVISIONS:
            there = division == name
            row[name] = or_reason(_area, predictions["label"][there], logits[there])
        yield row


def _area(labels: pd.Series, logits: pd.Series) -> dict[str, Any]:
    return asdict(auc_interval(labels, logits))
