"""Progression by each clinical variable alone (paper, Relationship between the signature and clinical variables)."""

from __future__ import annotations

import pandas as pd

from client.evaluation.parts import Results, or_reason
from client.evaluation.survival_cutoff import Rule, divide_score
from client.evaluation.survival_scores import Score
from common.errors import DataError
from common.study import Survival
from common.survival import compare_groups

HIGH_LEVELS = {
    "sex": ("male", ("male",)),
    "smoking": ("smoker", ("occasionally", "constantly")),
    "family_history": ("yes", ("yes",)),
}
"""What the high group of a category is called, and its words in cohort.csv."""


def survival_by_variable(treated: pd.DataFrame, settings: Survival, *, seed: int) -> Results:
    """Log-rank test and hazard ratio of each variable; age is divided by a search of its own."""
    found = {"age": or_reason(_age, treated, settings, seed=seed)}
    return found | {name: or_reason(_category, treated, name) for name in HIGH_LEVELS}


def _age(treated: pd.DataFrame, settings: Survival, *, seed: int) -> Results:
    known = treated[treated["age"].notna()]
    if known.empty:
        raise DataError("age is unknown for every patient; fill in what is known")
    ages = known["age"].astype(float)
    divided = divide_score(known, Score(ages, ages), Rule("xtile"), settings, seed=seed)
    corrected = None if divided.search is None else divided.search.p_permutation
    return {
        "cutoff": divided.cutoff,
        "high": f"older than {divided.cutoff:g}",
        "p_search_corrected": corrected,
        **_compared(known, divided.high),
    }


def _category(treated: pd.DataFrame, name: str) -> Results:
    title, words = HIGH_LEVELS[name]
    known = treated[treated[name].fillna("") != ""]
    if known.empty:
        raise DataError(f"{name.replace('_', ' ')} is unknown for every patient; fill in what is known")
    return {"cutoff": None, "high": title, "p_search_corrected": None, **_compared(known, known[name].isin(words))}


def _compared(rows: pd.DataFrame, high: pd.Series) -> Results:
    found = compare_groups(rows["pfs_days"], rows["progressed"], high.to_numpy())
    names = ("logrank_p", "hazard_ratio", "ci_low", "ci_high", "n", "n_high", "events")
    return {name: getattr(found, name) for name in names}
