"""Net benefit of acting on a score, against treating everyone and nobody (paper, Figure 2D-F)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from dcurves import dca
from numpy.typing import ArrayLike, NDArray

from common.discrimination.classes import Values, checked
from common.errors import DataError

THRESHOLDS = tuple(round(0.01 * step, 2) for step in range(1, 100))
_OUTCOME, _MODEL = "positive", "model "
"""Columns of the library's table; the prefix keeps a model called `all` apart from the library's own."""


@dataclass(frozen=True)
class DecisionCurves:
    """Net benefit at each threshold probability."""

    thresholds: list[float]
    treat_all: list[float]
    treat_none: list[float]
    models: dict[str, list[float]]


def decision_curves(
    labels: ArrayLike, probabilities: Mapping[str, ArrayLike], *, thresholds: tuple[float, ...] = THRESHOLDS
) -> DecisionCurves:
    """Net benefit of each model's probabilities (n,), 0 to 1, by the dcurves library.

    `labels` (n,) of 0 and 1. `thresholds` are given back in rising order. DataError for one class, missing values,
    values that are no probabilities, thresholds outside 0 to 1. Source: Vickers & Elkin 2006,
    doi:10.1177/0272989X06295361.
    """
    rising = sorted(thresholds)
    if not rising or not all(0 < threshold < 1 for threshold in rising):
        raise DataError(f"{len(rising)} thresholds, not all between 0 and 1: give at least one, and none of 0 or 1")
    table = {name: _probabilities(labels, name, values) for name, values in probabilities.items()}
    if not table:
        raise DataError("no model gave probabilities: score the patients first")
    benefit = _net_benefit(np.asarray(labels, dtype=int), table, rising)
    return DecisionCurves(
        thresholds=rising,
        treat_all=benefit["all"],
        treat_none=benefit["none"],
        models={name: benefit[f"{_MODEL}{name}"] for name in table},
    )


def _probabilities(labels: ArrayLike, name: str, values: ArrayLike) -> Values:
    _, probability = checked(labels, values)
    if probability.min() < 0 or probability.max() > 1:
        raise DataError(
            f"the probabilities of {name} lie between {probability.min():g} and {probability.max():g}, so they leave "
            "0 to 1: give probabilities"
        )
    return probability


def _net_benefit(
    label: NDArray[np.int_], table: Mapping[str, Values], thresholds: list[float]
) -> dict[str, list[float]]:
    columns = {f"{_MODEL}{name}": values for name, values in table.items()}
    data = pd.DataFrame({_OUTCOME: label, **columns})
    found = dca(data=data, outcome=_OUTCOME, modelnames=list(columns), thresholds=thresholds)
    return {
        str(name): [float(value) for value in part.sort_values("threshold")["net_benefit"]]
        for name, part in found.groupby("model")
    }
