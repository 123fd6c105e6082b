"""Reference patients that several tests of the statistics share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

REFERENCE = Path(__file__).parents[1] / "reference"
SHARED = Path(__file__).parents[3] / "shared" / "data"


def shared(*path: str) -> Path:
    """A data set that is not part of this repository; the test is skipped, saying so, where it is not at hand."""
    found = SHARED.joinpath(*path)
    if not found.exists():
        pytest.skip(f"../shared/data/{'/'.join(path)} is not at hand")
    return found


@pytest.fixture(scope="session")
def asah() -> pd.DataFrame:
    """Patients of pROC's aSAH, `poor` is the outcome."""
    table = pd.read_csv(shared("stats_reference", "data", "aSAH.csv"))
    return table.assign(poor=table["outcome"] == "Poor")


@pytest.fixture(scope="session")
def dlbcl() -> pd.DataFrame:
    """Patients of maxstat's DLBCL whose follow-up is known."""
    return pd.read_csv(shared("stats_reference", "data", "DLBCL.csv"))[["time", "cens", "MGE"]].dropna()


@pytest.fixture(scope="session")
def r_discrimination() -> dict[str, Any]:
    return json.loads((REFERENCE / "r_discrimination.json").read_text("utf-8"))


@pytest.fixture(scope="session")
def pd1_trial() -> pd.DataFrame:
    """Patients of nsclc_pd1_msk_2018 whose durable benefit is known, `benefit`."""
    folder = shared("clinical", "nsclc_pd1_msk_2018")
    patients, samples = (
        pd.read_csv(folder / f"data_clinical_{part}.txt", sep="\t", comment="#") for part in ("patient", "sample")
    )
    table = patients.merge(samples, on="PATIENT_ID", validate="one_to_one")
    table = table[table["DURABLE_CLINICAL_BENEFIT"].isin(["YES", "NO"])]
    return table.assign(benefit=table["DURABLE_CLINICAL_BENEFIT"] == "YES")
