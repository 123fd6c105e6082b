"""How well the scores tell high PD-L1 expression from low: everything about the expression cohort."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pandas as pd
from scipy.special import expit

from client.evaluation.parts import PAIRS, Results, by_division, or_reason, ranking, scored_models
from client.evaluation.subgroups import subgroups
from common.discrimination import (
    at_threshold,
    auc_interval,
    calibrate,
    decision_curves,
    paired_delong,
    roc_points,
    youden_threshold,
)
from common.errors import DataError
from common.study import Evaluation

_SMALLEST_PROBABILITY = 1e-6


def evaluate_expression(predictions: pd.DataFrame, settings: Evaluation, *, threshold: float | None = None) -> Results:
    """Everything that results.json says of discrimination, calibration, decision curves and subgroups.

    `predictions` has a row a patient with `division`, `label` (0 or 1), `<model>_score`, where they exist
    `<model>_logit` and `pdl1es_slice<k>_logit`, and the acquisition columns of cohort.csv. `threshold` is a sealed
    operating point; without one it is chosen on the validation patients. DataError when no patient was scored.
    """
    divisions, models = by_division(predictions), scored_models(predictions)
    return {
        "discrimination": {
            model: {name: or_reason(_discrimination, rows, model) for name, rows in divisions.items()}
            for model in models
        },
        "discrimination_by_slice": {"pdl1es": {name: or_reason(_by_slice, rows) for name, rows in divisions.items()}},
        "roc": {model: {name: or_reason(_roc, rows, model) for name, rows in divisions.items()} for model in models},
        "delong": {
            name: {f"{a}_{b}": or_reason(_delong, rows, a, b) for a, b in PAIRS if b in models}
            for name, rows in divisions.items()
        },
        "operating_point": or_reason(_operating_point, divisions, threshold=threshold),
        "calibration": {
            model: {
                name: or_reason(_calibration, rows, model) for name, rows in divisions.items() if name != "training"
            }
            for model in models
        },
        "decision_curves": {name: or_reason(_decision_curves, rows, models) for name, rows in divisions.items()},
        "subgroups": {name: subgroups(rows, settings) for name, rows in divisions.items()},
    }


def _discrimination(rows: pd.DataFrame, model: str) -> Results:
    return asdict(auc_interval(rows["label"], ranking(rows, model)))


def _by_slice(rows: pd.DataFrame) -> Results:
    """As if slices were patients, which is what the width of the paper's training interval suggests."""
    slices = rows.filter(regex=r"^pdl1es_slice\d+_logit$")
    if slices.empty:
        raise DataError("no score of a single slice is there: score the patients with a signature")
    labels = np.repeat(rows["label"].to_numpy(), slices.shape[1])
    return asdict(auc_interval(labels, slices.to_numpy().ravel()))


def _roc(rows: pd.DataFrame, model: str) -> Results:
    false, true = roc_points(rows["label"], ranking(rows, model))
    return {"fpr": false.tolist(), "tpr": true.tolist()}


def _delong(rows: pd.DataFrame, first: str, second: str) -> Results:
    return asdict(paired_delong(rows["label"], ranking(rows, first), ranking(rows, second)))


def _operating_point(divisions: dict[str, pd.DataFrame], *, threshold: float | None) -> Results:
    chosen = {"chosen_on": "training site", "rule": "sealed"}
    if threshold is None:
        threshold, chosen = _youden(divisions), {"chosen_on": "validation", "rule": "youden"}
    return {
        "threshold": threshold,
        **chosen,
        "by_division": {
            name: or_reason(
                lambda part: asdict(at_threshold(part["label"], part["pdl1es_score"], threshold=threshold)), rows
            )
            for name, rows in divisions.items()
        },
    }


def _youden(divisions: dict[str, pd.DataFrame]) -> float:
    if "validation" not in divisions:
        raise DataError(
            "there are no validation patients to choose an operating point on, and the score brings none; "
            "write the column split of cohort.csv, or evaluate a signature that has one"
        )
    rows = divisions["validation"]
    return youden_threshold(rows["label"], rows["pdl1es_score"])


def _calibration(rows: pd.DataFrame, model: str) -> Results:
    return asdict(calibrate(rows["label"], _logits(rows, model)))


def _decision_curves(rows: pd.DataFrame, models: list[str]) -> Results:
    probabilities = {model: expit(_logits(rows, model)) for model in models}
    return asdict(decision_curves(rows["label"], probabilities))


def _logits(rows: pd.DataFrame, model: str) -> np.ndarray:
    if f"{model}_logit" in rows:
        return rows[f"{model}_logit"].to_numpy()
    scores = rows[f"{model}_score"].to_numpy(dtype=float)
    if scores.size and (scores.min() < 0 or scores.max() > 1):
        raise DataError(
            f"the scores lie between {scores.min():g} and {scores.max():g}, so they are no probabilities; "
            "calibration and decision curves need scores from 0 to 1"
        )
    within = np.clip(scores, _SMALLEST_PROBABILITY, 1 - _SMALLEST_PROBABILITY)
    return np.asarray(np.log(within) - np.log1p(-within))
