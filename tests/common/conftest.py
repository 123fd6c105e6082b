"""Reference patients that several tests of the statistics share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

REFERENCE = Path(__file__).parents[1] / "reference"


@pytest.fixture(scope="session")
def asah() -> pd.DataFrame:
    """Patients of pROC's aSAH, `poor` is the outcome."""
    table = pd.read_csv(REFERENCE / "aSAH.csv")
    return table.assign(poor=table["outcome"] == "Poor")


@pytest.fixture(scope="session")
def r_discrimination() -> dict[str, Any]:
    return json.loads((REFERENCE / "r_discrimination.json").read_text("utf-8"))


@pytest.fixture(scope="session")
def pd1_trial() -> pd.DataFrame:
    """Patients of nsclc_pd1_msk_2018 whose durable benefit is known, `benefit`."""
    folder = Path(__file__).parents[3] / "shared" / "data" / "clinical" / "nsclc_pd1_msk_2018"
    if not folder.exists():
        pytest.skip("../shared/data/clinical/nsclc_pd1_msk_2018 is not at hand")
    patients, samples = (
        pd.read_csv(folder / f"data_clinical_{part}.txt", sep="\t", comment="#") for part in ("patient", "sample")
    )
    table = patients.merge(samples, on="PATIENT_ID", validate="one_to_one")
    table = table[table["DURABLE_CLINICAL_BENEFIT"].isin(["YES", "NO"])]
    return table.assign(benefit=table["DURABLE_CLINICAL_BENEFIT"] == "YES")
