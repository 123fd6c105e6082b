"""Age, sex, smoking and family history: imputed and standardised with training patients only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import sklearn
from sklearn.impute import KNNImputer

from common.scaling import Scaling, fit_scaling
from common.study import ClinicalVariable

_DISTANCES_MB = 16
"""Distances between patients in memory at a time: all at once they grow with the square of the patients."""
VARIABLES: tuple[ClinicalVariable, ...] = ("age", "sex", "smoking", "family_history")
_CODES: dict[str, dict[str, float]] = {
    "sex": {"female": 0.0, "male": 1.0},
    "smoking": {"never": 0.0, "occasionally": 1.0, "constantly": 2.0},
    "family_history": {"no": 0.0, "yes": 1.0},
}


def encode(patients: pd.DataFrame) -> pd.DataFrame:
    """Numbers for the clinical variables; smoking is never 0, occasionally 1, constantly 2; unknown is NaN."""
    columns = {name: patients[name].map(codes) for name, codes in _CODES.items()}
    return pd.DataFrame({"age": patients["age"]} | columns, columns=list(VARIABLES), dtype=float)


@dataclass(frozen=True)
class ClinicalPreparation:
    """The scaling, and the training patients' standardised values that fill in missing ones.

    The donors are patients: they stay at the site, and a sealed signature carries the scaling alone.
    """

    neighbours: int
    scaling: Scaling
    donors: np.ndarray

    def apply(self, encoded: pd.DataFrame) -> np.ndarray:
        """Impute and standardise; returns float64 (patients, 4) without NaN."""
        imputer = KNNImputer(n_neighbors=self.neighbours, weights="distance", keep_empty_features=True)
        with sklearn.config_context(working_memory=_DISTANCES_MB):
            return np.asarray(imputer.fit(self.donors).transform(self.scaling.apply(encoded.to_numpy())))


@dataclass(frozen=True)
class AtTheMean:
    """Clinical values of which missing ones stand at the mean of all sites."""

    scaling: Scaling

    def apply(self, encoded: pd.DataFrame) -> np.ndarray:
        """Standardised, float64 (patients, 4) without NaN."""
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(np.nan_to_num(self.scaling.apply(encoded.to_numpy(dtype=float))))


def fit_clinical(encoded: pd.DataFrame, *, neighbours: int) -> ClinicalPreparation:
    """Learn imputation and z-scores from the encoded training patients.

    Distances are Euclidean over the variables both patients have, on standardised values so that years of age
    do not drown the rest (paper, Data preprocessing).
    """
    values = encoded.to_numpy(dtype=float)
    scaling = fit_scaling(values)
    return ClinicalPreparation(neighbours, scaling, scaling.apply(values))
