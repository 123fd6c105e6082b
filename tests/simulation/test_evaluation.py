"""From scores to results: what is computed, what is not, and that JSON can hold it."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from common.errors import DataError
from simulation.evaluation import DIVISIONS, MODELS, evaluate


def predictions(*, seed: int = 3, patients: int = 60) -> pd.DataFrame:
    """Scores of made-up patients whose label and hazard both follow one latent number."""
    random = np.random.default_rng(seed)
    parts = []
    for division in (*DIVISIONS, "immunotherapy"):
        latent = random.normal(size=patients)
        days = np.ceil(random.exponential(300 / np.exp(0.8 * latent)))
        treated = division == "immunotherapy"
        part = pd.DataFrame({"division": [division] * patients})
        part["label"] = np.nan if treated else (latent + random.normal(size=patients) > 0.4).astype(float)
        part["pfs_days"] = np.minimum(days, 500) if treated else np.nan
        part["progressed"] = (days <= 500).astype(float) if treated else np.nan
        for place, model in enumerate(MODELS):
            part[f"{model}_logit"] = latent + place * random.normal(size=patients)
        part["pdl1es_score"] = 1 / (1 + np.exp(-part["pdl1es_logit"]))
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def test_everything_is_there_and_json_can_hold_it() -> None:
    found = evaluate(predictions())
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    for model in MODELS:
        for division in DIVISIONS:
            assert set(found["discrimination"][model][division]) == {"auc", "ci_low", "ci_high", "n", "n_positive"}
            assert len(found["roc"][model][division]["fpr"]) == len(found["roc"][model][division]["tpr"])


def test_survival_is_divided_at_the_median_score() -> None:
    table = predictions()
    found = evaluate(table)["survival"]["pdl1es"]["all"]
    treated = table[table["division"] == "immunotherapy"]
    assert found["cutoff"] == pytest.approx(treated["pdl1es_score"].median())
    assert (found["n"], found["n_high"]) == (60, 30)
    assert found["events"] == treated["progressed"].sum()
    assert found["ci_low"] < found["hazard_ratio"] < found["ci_high"]
    assert found["c_index"] > 0.5
    assert found["curves"]["low"]["at_risk"][0] == 30
    assert found["curves"]["at_risk_days"][0] == 0


def test_a_patient_at_the_median_is_low() -> None:
    table = predictions(patients=61)
    assert evaluate(table)["survival"]["pdl1es"]["all"]["n_high"] == 30


def test_one_part_that_cannot_be_computed_leaves_the_rest() -> None:
    table = predictions()
    table.loc[table["division"] == "test", "label"] = 0.0
    table.loc[table["division"] == "immunotherapy", "progressed"] = 0.0
    found = evaluate(table)
    assert "0 positive" in found["discrimination"]["deep"]["test"]["not_computed"]
    assert "0 positive" in found["roc"]["deep"]["test"]["not_computed"]
    assert "none of 60 patients progressed" in found["survival"]["pdl1es"]["all"]["not_computed"]
    assert "auc" in found["discrimination"]["deep"]["training"]


def test_constant_scores_give_half_and_no_survival() -> None:
    table = predictions()
    table[["pdl1es_logit", "pdl1es_score"]] = 0.5
    found = evaluate(table)
    assert found["discrimination"]["pdl1es"]["test"]["auc"] == 0.5
    assert "high group has 0 patients" in found["survival"]["pdl1es"]["all"]["not_computed"]


def test_no_immunotherapy_patients_is_said() -> None:
    table = predictions()
    found = evaluate(table[table["division"] != "immunotherapy"])
    assert "no patient of the immunotherapy cohort" in found["survival"]["pdl1es"]["all"]["not_computed"]


def test_a_missing_column_is_named() -> None:
    with pytest.raises(DataError, match="deep_logit"):
        evaluate(predictions().drop(columns="deep_logit"))
