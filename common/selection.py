"""Which radiomic features stay, given their p values (paper, Establishment of the signature)."""

from __future__ import annotations

import pandas as pd

from common.errors import DataError
from common.study import Selection


def select_features(p_values: pd.Series, selection: Selection) -> list[str]:
    """Names of the features that stay, in PyRadiomics' order; DataError when none does."""
    below = p_values[p_values < selection.p_value]
    if below.empty:
        raise DataError(
            f"no radiomic feature has p < {selection.p_value:g} on the training patients "
            f"(the smallest is {p_values.min():.2g}); raise selection.p_value or add patients"
        )
    kept = set(below.nsmallest(selection.maximum_features).index)
    return [name for name in p_values.index if name in kept]
