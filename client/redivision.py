"""Validation and test patients divided anew, to see how much the signature depends on the division.

The training patients stay, and with them selection, imputation and scaling (paper, Establishment of the signature).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from client.pipeline import Prepared
from common.seeds import derive_seed


def redivide(division: pd.Series, labels: pd.Series, *, seed: int) -> pd.Series:
    """Exchange validation and test patients at random within each class, so that all counts stay."""
    generator = np.random.default_rng(seed)
    exchanged = division.copy()
    for label in (0, 1):
        members = division.isin(["validation", "test"]) & (labels == label)
        exchanged[members] = generator.permutation(division[members].to_numpy())
    return exchanged


def redivided(prepared: Prepared, *, redivision: int, seed: int) -> Prepared:
    """The same patients and inputs under re-division number `redivision`, from 1 on; 0 is the division as it is."""
    if redivision == 0:
        return prepared
    patients = prepared.patients
    own = derive_seed(seed, "redivision", redivision)
    return replace(
        prepared, patients=patients.assign(division=redivide(patients["division"], patients["label"], seed=own))
    )
