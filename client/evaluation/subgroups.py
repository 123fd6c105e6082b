"""PD-L1ES by scanner, tube current and slice thickness (paper, Supplementary Figure 2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import pandas as pd

from client.evaluation.parts import Results, ranking
from common.discrimination import auc_interval
from common.errors import DataError
from common.study import Evaluation

FEWEST = 5
"""Patients a class needs before its AUC is shown without a warning."""


def subgroups(rows: pd.DataFrame, settings: Evaluation) -> list[Results]:
    """AUC of PD-L1ES in each group, a dict a group as docs/results.md has it; unknown acquisition is a group too."""
    return [
        {"variable": variable, "level": level, **_part(rows[levels == level])}
        for variable, levels in _levels(rows, settings).items()
        for level in _in_order(levels)
    ]


def _levels(rows: pd.DataFrame, settings: Evaluation) -> dict[str, pd.Series]:
    manufacturer = rows["manufacturer"].fillna("")
    return {
        "manufacturer": manufacturer.where(manufacturer != "", "unknown"),
        "tube_current_ma": _cut(rows["tube_current_ma"], settings.tube_current_cut_ma, "mA"),
        "slice_thickness_mm": _cut(rows["slice_thickness_mm"], settings.slice_thickness_cut_mm, "mm"),
    }


def _cut(values: pd.Series, cut: float, unit: str) -> pd.Series:
    low, high = f"below {cut:g} {unit}", f"{cut:g} {unit} or more"
    levels = pd.Series(low, index=values.index, dtype=object)
    levels[values >= cut] = high
    levels[values.isna()] = "unknown"
    return levels


def _in_order(levels: pd.Series) -> Iterator[str]:
    """The order of the words, `unknown` last."""
    yield from sorted(levels.unique(), key=lambda level: (level == "unknown", not level.startswith("below"), level))


def _part(rows: pd.DataFrame) -> Results:
    positive = int((rows["label"] == 1).sum())
    counts = {"n": len(rows), "n_positive": positive}
    try:
        area = asdict(auc_interval(rows["label"], ranking(rows, "pdl1es")))
    except DataError as error:
        return {**counts, "auc": None, "ci_low": None, "ci_high": None, "warning": str(error)}
    few = min(positive, len(rows) - positive)
    warning = f"only {few} patients in one of the classes: this AUC says little" if few < FEWEST else ""
    return {**area, **counts, "warning": warning}
