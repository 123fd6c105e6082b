"""Table 1 with the paper's tests: Welch's t for age, chi-squared for categories, unknown being a category."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from client.cohort import WORDS
from client.evaluation.parts import Results

CATEGORIES = ("sex", "smoking", "family_history")
Pairs = Mapping[str, tuple[str, str]]


def expression_table(patients: pd.DataFrame, *, label_tps: float) -> Results:
    """Table 1 of the expression cohort by division: patients need `division`, `label` and the clinical columns."""
    divisions = [name for name in ("training", "validation", "test") if (patients["division"] == name).any()]
    groups = {"total": patients} | {name: patients[patients["division"] == name] for name in divisions}
    pairs = {f"training_{name}": ("training", name) for name in divisions[1:] if "training" in divisions}
    above = patients["label"].map({1.0: f"TPS {label_tps:g} or more", 0.0: f"TPS below {label_tps:g}"})
    extra = {"pdl1_expression": (above, (f"TPS {label_tps:g} or more", f"TPS below {label_tps:g}"))}
    return _table(groups, pairs, extra)


def immunotherapy_table(patients: pd.DataFrame) -> Results:
    """Table 1 of the immunotherapy cohort, by treatment."""
    treatments = [name for name in WORDS["treatment"] if (patients["treatment"] == name).any()]
    groups = {"total": patients} | {name: patients[patients["treatment"] == name] for name in treatments}
    pairs = {"_".join(treatments): (treatments[0], treatments[1])} if len(treatments) == 2 else {}
    extra = {"progressed": (patients["progressed"].map({1.0: "yes", 0.0: "no"}), ("yes", "no"))}
    return _table(groups, pairs, extra)


def _table(
    groups: Mapping[str, pd.DataFrame], pairs: Pairs, extra: Mapping[str, tuple[pd.Series, tuple[str, ...]]]
) -> Results:
    everyone = groups["total"]
    categories = {name: (everyone[name], WORDS[name]) for name in CATEGORIES} | dict(extra)
    rows = _age_rows(groups, pairs)
    for variable, (values, levels) in categories.items():
        rows += _category_rows(variable, values, levels, groups, pairs)
    tests = {"age": "Welch's t-test"} | dict.fromkeys(categories, "chi-squared test (Yates' correction for two by two)")
    sizes = [{"name": name, "n": len(rows_of)} for name, rows_of in groups.items()]
    return {"groups": sizes, "rows": rows, "tests": tests, "pairs": list(pairs)}


def _age_rows(groups: Mapping[str, pd.DataFrame], pairs: Pairs) -> list[Results]:
    known = {name: rows["age"].dropna().to_numpy(dtype=float) for name, rows in groups.items()}
    p = {name: _welch(known[first], known[second]) for name, (first, second) in pairs.items()}
    values = {name: _mean_and_deviation(ages) for name, ages in known.items()}
    rows: list[Results] = [{"variable": "age", "level": None, "values": values, "p": p}]
    missing = {name: len(group) - known[name].size for name, group in groups.items()}
    if missing["total"]:
        counted = {name: _share(count, len(groups[name])) for name, count in missing.items()}
        rows.append({"variable": "age", "level": "unknown", "values": counted, "p": {}})
    return rows


def _category_rows(
    variable: str, values: pd.Series, levels: tuple[str, ...], groups: Mapping[str, pd.DataFrame], pairs: Pairs
) -> list[Results]:
    filled = values.fillna("").replace("", "unknown")
    present = [level for level in (*levels, "unknown") if level in levels or (filled == level).any()]
    counts = {
        name: np.array([int((filled[rows.index] == level).sum()) for level in present]) for name, rows in groups.items()
    }
    p = {name: _chi_squared(counts[first], counts[second]) for name, (first, second) in pairs.items()}
    heading: Results = {"variable": variable, "level": None, "values": dict.fromkeys(groups, ""), "p": p}
    lines = [
        {
            "variable": variable,
            "level": level,
            "values": {name: _share(int(counts[name][place]), len(rows)) for name, rows in groups.items()},
            "p": {},
        }
        for place, level in enumerate(present)
    ]
    return [heading, *lines]


def _mean_and_deviation(values: np.ndarray[Any, np.dtype[np.float64]]) -> str:
    if values.size == 0:
        return "unknown"
    return f"{values.mean():.1f}" + (f" ± {values.std(ddof=1):.1f}" if values.size > 1 else "")


def _share(count: int, total: int) -> str:
    return f"{count} ({count / total:.1%})" if total else f"{count}"


def _welch(first: np.ndarray[Any, np.dtype[np.float64]], second: np.ndarray[Any, np.dtype[np.float64]]) -> float | None:
    if min(first.size, second.size) < 2 or first.std() + second.std() == 0:
        return None
    return float(stats.ttest_ind(first, second, equal_var=False).pvalue)


def _chi_squared(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]) -> float | None:
    table = np.array([first, second])
    table = table[:, table.any(axis=0)]
    if table.shape[1] < 2 or not table.any(axis=1).all():
        return None
    return float(stats.chi2_contingency(table, correction=table.shape == (2, 2)).pvalue)
