"""Mann-Whitney U on the training patients reduces the radiomic features (paper, Establishment of the signature)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from common.errors import DataError


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
    values = features.to_numpy(dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        test = stats.mannwhitneyu(values[positive], values[~positive], method="asymptotic", nan_policy="omit", axis=0)
    return pd.Series(np.nan_to_num(test.pvalue, nan=1.0), index=features.columns)
