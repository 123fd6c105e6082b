"""A fixture: results.json as docs/results.md has it, of patients that a random generator made up in a few lines."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from client.training import Epoch
from common.discrimination import auc_interval
from common.study import Study, parse_study
from simulation.evaluation import DIVISIONS, MODELS, evaluate
from simulation.studies import preset_text

SIZES = {"training": 160, "validation": 60, "test": 60, "immunotherapy": 70}
MADE_UP = "made-up reason of the fixture; give more patients"
# one pixel, so that a page has a picture to embed
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63606060000000040001f61738"
    "550000000049454e44ae426082"
)


def sample_study() -> Study:
    """The paper's study with few permutations, which are quick."""
    return parse_study(preset_text("paper").replace("permutations = 2000", "permutations = 60"))


def made_up_predictions() -> pd.DataFrame:
    """Scores, labels, clinical values and outcomes that follow one latent number."""
    random = np.random.default_rng(11)
    return pd.concat([_division(random, name, n) for name, n in SIZES.items()], ignore_index=True)


def sample_results() -> dict[str, Any]:
    """A complete content of results.json; a fresh copy at each call."""
    found: dict[str, Any] = json.loads(_sample_text())
    return found


def site_results(*, survival: bool = False) -> dict[str, Any]:
    """What a hospital's evaluation leaves: one model, one division, nothing of the paper, not synthetic."""
    run, only = sample_results(), {"immunotherapy": 70} if survival else {"all": 60}
    common = {
        "synthetic": False,
        "site": "Hospital of the fixture",
        "study_sha256": None,
        "source": {"kind": "scores", "sha256": "cd" * 32},
        "versions": run["versions"],
        "device": "none, the scores were given",
        "seconds": {"all": 1.5},
        "warnings": ["the longest follow-up is 20 days; if these are months, multiply them by 30.44"]
        if survival
        else [],
        "cohort": {**only, "read": 70, "excluded": {"no score": 10} if not survival else {}, "quarantined": {}},
    }
    if survival:
        parts = ("survival", "survival_by_variable", "cox_univariable", "cox_multivariable")
        return (
            common | {part: run[part] for part in parts} | {"table1": {"immunotherapy": run["table1"]["immunotherapy"]}}
        )
    patients = made_up_predictions()
    patients = patients[patients["division"] == "test"].assign(division="all")
    own = patients.drop(
        columns=[name for name in patients if name.startswith("pdl1es_slice") or name.endswith("_logit")]
    )
    own = own.drop(columns=[f"{model}_score" for model in MODELS[1:]])
    found = json.loads(json.dumps(_evaluate_site(own), allow_nan=False))
    return common | found


def _evaluate_site(patients: pd.DataFrame) -> dict[str, Any]:
    from client.evaluation.discrimination import evaluate_expression
    from client.evaluation.table_one import expression_table

    table = {"table1": {"expression": expression_table(patients, label_tps=50)}}
    return table | evaluate_expression(patients, sample_study().evaluation)


def _division(random: np.random.Generator, division: str, n: int) -> pd.DataFrame:
    treated, latent = division == "immunotherapy", random.normal(size=n)
    table = pd.DataFrame({"division": [division] * n})
    label = (latent + random.normal(size=n) > 0.4).astype(float)
    table["label"] = np.nan if treated else label
    table["tps"] = np.nan if treated else np.where(label == 1, 70.0, 10.0)
    for place, model in enumerate(MODELS):
        table[f"{model}_logit"] = 0.8 * latent + 0.7 * (1 + place) * random.normal(size=n)
        table[f"{model}_score"] = 1 / (1 + np.exp(-table[f"{model}_logit"]))
    for number in range(3):
        table[f"pdl1es_slice{number}_logit"] = table["pdl1es_logit"] + 0.1 * random.normal(size=n)
    return table.assign(**_clinical(random, n), **_acquisition(random, n), **_outcome(random, latent, treated))


def _clinical(random: np.random.Generator, n: int) -> dict[str, Any]:
    age = np.round(random.normal(61, 9, size=n))
    age[: n // 20] = np.nan
    return {
        "age": age,
        "sex": random.choice(["male", "female"], n, p=[0.7, 0.3]),
        "smoking": random.choice(["never", "occasionally", "constantly", ""], n, p=[0.4, 0.2, 0.35, 0.05]),
        "family_history": random.choice(["no", "yes", ""], n, p=[0.75, 0.2, 0.05]),
        "treatment": random.choice(["monotherapy", "combination"], n),
    }


def _acquisition(random: np.random.Generator, n: int) -> dict[str, Any]:
    return {
        "manufacturer": random.choice(["SIEMENS", "GE MEDICAL SYSTEMS", "Philips", ""], n, p=[0.6, 0.25, 0.08, 0.07]),
        "tube_current_ma": random.choice([150.0, 290.0, 350.0], n),
        "slice_thickness_mm": random.choice([1.0, 2.0, 5.0], n),
    }


def _outcome(random: np.random.Generator, latent: np.ndarray, treated: bool) -> dict[str, Any]:
    if not treated:
        return {"pfs_days": np.nan, "progressed": np.nan}
    days = np.ceil(random.exponential(300 / np.exp(0.7 * latent)))
    return {"pfs_days": np.minimum(days, 500), "progressed": (days <= 500).astype(float)}


@cache
def _sample_text() -> str:
    study, patients = sample_study(), made_up_predictions()
    results = {
        "synthetic": True,
        "preset": "fixture",
        "seed": study.seed,
        "study_sha256": "ab" * 32,
        "versions": {"pdl1es": "0.1.0", "numpy": "2.4.6"},
        "device": "cpu: 2 cores",
        "seconds": {"features": 12.0, "training": 5000.0},
        "warnings": ["a made-up warning of the fixture"],
        "cohort": {
            **SIZES,
            "read": 359,
            "excluded": {"reconstruction kernel <30f>": 7},
            "quarantined": {"mask empty": 2},
        },
        **evaluate(patients, study),
        "redivisions": [_redivision(patients, number) for number in range(3)],
        "ideal_observers": {"border": 0.73, "texture": 0.7, "clinical": 0.63, "all": 0.81},
        "latent_correlations": {
            model: {"border": 0.3 - 0.05 * place, "texture": 0.2} for place, model in enumerate(MODELS)
        },
        "selected_features": [
            {"name": "original_glcm_Idm", "p_value": 0.02},
            {"name": "wavelet-HL_glcm_SumEntropy", "p_value": 3e-7},
        ],
        "features_not_computed": 3,
        "training": {model: _history() for model in (*MODELS, "redivision1", "redivision2")},
        "pictures": [
            {"title": "A made-up patient", "caption": "One pixel of the fixture.", "file": "pictures/one.png"}
        ],
        "study": study.model_dump(mode="json"),
    }
    return json.dumps(results, allow_nan=False)


def _redivision(patients: pd.DataFrame, number: int) -> dict[str, Any]:
    row: dict[str, Any] = {"redivision": number}
    for division in DIVISIONS:
        rows = patients[patients["division"] == division].iloc[number:]
        row[division] = asdict(auc_interval(rows["label"], rows["pdl1es_logit"]))
    return row


def _history() -> list[dict[str, Any]]:
    return [
        asdict(
            Epoch(
                stage=stage,
                epoch=epoch,
                loss=0.6 / (stage + epoch),
                validation_auc=0.5 + epoch / 50,
                validation_loss=0.7 / epoch,
                best=epoch == 3,
            )
        )
        for stage in (1, 2)
        for epoch in (1, 2, 3)
    ]
