"""Each part of an evaluation on its own: what cannot be computed says why, and the rest goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from common.errors import DataError

MODELS = ("pdl1es", "clinical", "radiomics", "deep")
EXPRESSION_DIVISIONS = ("training", "validation", "test", "all")
PAIRS = tuple(("pdl1es", model) for model in MODELS[1:])
Results = dict[str, Any]


def or_reason(part: Callable[..., Any], *tables: Any, **settings: Any) -> Any:
    """What a part of the evaluation gives, or `{"not_computed": why}`."""
    try:
        return part(*tables, **settings)
    except DataError as error:
        return {"not_computed": str(error)}


def scored_models(predictions: pd.DataFrame) -> list[str]:
    """The models that scored these patients; DataError when PD-L1ES is not among them."""
    if "pdl1es_score" not in predictions:
        raise DataError("the predictions have no column pdl1es_score: score the patients before evaluating")
    return [model for model in MODELS if f"{model}_score" in predictions]


def by_division(predictions: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The patients of the expression cohort by division, those divisions that the table has."""
    present = set(predictions["division"])
    return {name: predictions[predictions["division"] == name] for name in EXPRESSION_DIVISIONS if name in present}


def ranking(rows: pd.DataFrame, model: str) -> pd.Series:
    """What ranks patients: log-odds, which do not tie where probabilities saturate; the score where there are none."""
    column = f"{model}_logit"
    return rows[column] if column in rows else rows[f"{model}_score"]
