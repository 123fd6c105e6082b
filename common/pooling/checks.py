"""Values of a site's patients, and parts of several sites, as numbers that can be pooled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from common.errors import DataError

Values = NDArray[np.float64]
Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]


def checked_columns(values: ArrayLike) -> Values:
    """(patients, columns) of numbers or NaN; DataError for an infinite value or another shape."""
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or not len(table):
        raise DataError(f"values of shape {table.shape}: give one row a patient and one column a feature")
    infinite = int(np.isinf(table).sum())
    if infinite:
        raise DataError(f"{infinite} of {table.size} values are infinite: give NaN where a value is not known")
    return table


def checked_labels(labels: ArrayLike, *, patients: int) -> Flags:
    """Labels (n,) of 0 and 1, one class being allowed to be empty; DataError otherwise."""
    label = np.asarray(labels, dtype=np.float64)
    if label.shape != (patients,):
        raise DataError(f"labels {label.shape} and {patients} patients: give one label a patient")
    wrong = int(np.sum((label != 0) & (label != 1)))
    if wrong:
        raise DataError(f"{wrong} of {label.size} labels are neither 0 nor 1: leave these patients out")
    return np.equal(label, 1)


def checked_minimum(minimum_count: int) -> int:
    """The fewest patients a number may be about; DataError when it protects nobody."""
    if minimum_count < 1:
        raise DataError(f"a minimum of {minimum_count} patients: give 1 or more")
    return minimum_count


def same_columns(parts: Sequence[Values]) -> None:
    """DataError without parts, or when sites speak of different numbers of columns."""
    sizes = sorted({part.size for part in parts})
    if len(sizes) != 1:
        raise DataError(f"parts of {sizes or 'no'} columns: give one or more, all of the same columns")
