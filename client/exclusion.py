"""The study's exclusion rules, counted (paper, Methods, Patients)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from common.study import CohortRules


@dataclass(frozen=True)
class Inclusion:
    """Who takes part, and how many were excluded by each reason."""

    patients: pd.DataFrame
    excluded: dict[str, int]


def apply_exclusions(patients: pd.DataFrame, rules: CohortRules) -> Inclusion:
    """Remove the patients a study excludes; each counts under the first rule that meets them."""
    reasons = pd.Series("", index=patients.index, dtype=object)
    for reason, meets in _rules(patients, rules).items():
        reasons[meets & (reasons == "")] = reason
    counts = reasons[reasons != ""].value_counts(sort=False)
    return Inclusion(patients[reasons == ""], {str(reason): int(n) for reason, n in counts.items()})


def _rules(patients: pd.DataFrame, rules: CohortRules) -> dict[str, pd.Series]:
    expression = patients["cohort"] == "expression"
    kernels = "reconstruction kernel " + ", ".join(rules.excluded_kernels)
    met = {
        kernels: patients["convolution_kernel"].map(lambda kernel: _is_one_of(kernel, rules.excluded_kernels)),
        "no TPS": expression & patients["tps"].isna(),
        "no follow-up": ~expression & (patients["pfs_days"].isna() | patients["progressed"].isna()),
    }
    for name in rules.immunotherapy_requires:
        unknown = patients[name].isna() | (patients[name] == "")
        met[f"immunotherapy without {name.replace('_', ' ')}"] = ~expression & unknown
    return met


def _is_one_of(kernel: str, excluded: Sequence[str]) -> bool:
    """Whether it is one of them, with or without the letters of scanner and reconstruction around it.

    Siemens writes B30f, and I30f with a strength behind it (I30f 3), for what the paper calls 30f.
    """
    names = "|".join(map(re.escape, excluded))
    return bool(excluded) and re.fullmatch(rf"[A-Za-z]*({names})(\W.*)?", kernel, re.IGNORECASE) is not None
