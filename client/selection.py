"""Mann-Whitney U on the training patients reduces the radiomic features (paper, Establishment of the signature)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from common.errors import DataError

_AT_A_TIME = 32
"""Features that are ranked at once: few enough to stay in the processor's cache."""


def mann_whitney(features: pd.DataFrame, labels: np.ndarray) -> pd.Series:
    """Two-sided p of each feature between positives and negatives, normal approximation with ties.

    `features` is (patients, features), NaN where a feature could not be computed; `labels` holds 0 or 1.
    A constant feature has p = 1. DataError when a class is empty.
    """
    positive = labels == 1
    if positive.all() or not positive.any():
        raise DataError(
            f"{int(positive.sum())} of {len(labels)} training patients are positive; both classes are needed"
        )
    columns = features.to_numpy(dtype=float).T
    with np.errstate(divide="ignore", invalid="ignore"):
        found = [
            stats.mannwhitneyu(some[:, positive], some[:, ~positive], method="asymptotic", nan_policy="omit", axis=1)
            for some in np.split(columns, range(_AT_A_TIME, len(columns), _AT_A_TIME))
        ]
    values = np.concatenate([test.pvalue for test in found])
    return pd.Series(np.nan_to_num(values, nan=1.0), index=features.columns)
