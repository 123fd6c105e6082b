"""What results.json says of one score in one group of patients."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from client.evaluation.parts import Results, or_reason
from client.evaluation.survival_cutoff import Divided, as_values
from common.errors import DataError
from common.report.words import counted
from common.study import Survival
from common.survival import (
    Median,
    compare_groups,
    concordance,
    kaplan_meier,
    restricted_mean_difference,
    subset_permutation_p,
    time_dependent_auc,
)

FEWEST = 10
"""Patients a comparison needs."""
AT_RISK_STEPS = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
AT_RISK_COLUMNS = 7


def group_part(treated: pd.DataFrame, divided: Divided, settings: Survival, *, group: str, seed: int) -> Results:
    """High against low in `all` patients or in one treatment; the cut-off is the one of all."""
    scored = treated.loc[divided.score.rank.index]
    chosen = np.full(len(scored), True) if group == "all" else (scored["treatment"] == group).to_numpy()
    rows, high = scored[chosen], divided.high.to_numpy()[chosen]
    if len(rows) < FEWEST:
        raise DataError(
            f"{counted(len(rows), 'patient')} ({group}): a comparison of survival needs at least {FEWEST}; add patients"
        )
    return {
        "cutoff": divided.cutoff,
        "cutoff_rule": divided.rule,
        **_comparison(rows, high),
        **_search_p(scored, divided, chosen, settings, group=group, seed=seed),
        **_concordances(rows, divided, high, group=group),
        "curves": _curves(rows, high),
        "rmst": or_reason(_rmst, rows, high),
        "time_dependent_auc": or_reason(_time_auc, rows, divided, settings),
    }


def _comparison(rows: pd.DataFrame, high: np.ndarray) -> Results:
    found = compare_groups(rows["pfs_days"], rows["progressed"], high)
    flat: Results = {"p_naive": found.logrank_p}
    for name in found.__dataclass_fields__:
        value = getattr(found, name)
        if isinstance(value, Median):
            flat |= {name: value.days, f"{name}_ci": [value.ci_low, value.ci_high]}
        else:
            flat[name] = value
    return flat


def _search_p(
    scored: pd.DataFrame, divided: Divided, chosen: np.ndarray, settings: Survival, *, group: str, seed: int
) -> Results:
    search = divided.search
    if search is None:
        return {"p_search_corrected": None}
    if group == "all":
        shown = {
            "cutoffs": as_values(divided.score, np.asarray(search.cutoffs)).tolist(),
            "statistics": list(search.statistics),
            "n_high": list(search.n_high),
            "minimum_share": search.minimum_share,
        }
        p = {"p_search_corrected": search.p_permutation, "p_search_approximation": search.p_approximation}
        return {**p, "search": shown}
    p_subset = subset_permutation_p(
        scored["pfs_days"],
        scored["progressed"],
        divided.score.rank,
        chosen,
        minimum_share=settings.minimum_share,
        permutations=settings.permutations,
        seed=seed,
    )
    return {"p_search_corrected": p_subset}


def _concordances(rows: pd.DataFrame, divided: Divided, high: np.ndarray, *, group: str) -> Results:
    days, progressed = rows["pfs_days"], rows["progressed"]
    found: Results = {}
    for name, score in (("c_index", divided.score.rank[rows.index]), ("c_index_groups", high)):
        measured = concordance(days, progressed, score)
        found |= {name: measured.c_index, f"{name}_ci_low": measured.ci_low, f"{name}_ci_high": measured.ci_high}
    if group == "all" and divided.score.cross_validated is not None:
        held_out = concordance(days, progressed, divided.score.cross_validated)
        found["c_index_cross_validated"] = held_out.c_index
    return found


def _rmst(rows: pd.DataFrame, high: np.ndarray) -> Results:
    return asdict(restricted_mean_difference(rows["pfs_days"], rows["progressed"], high, at_days=None))


def _time_auc(rows: pd.DataFrame, divided: Divided, settings: Survival) -> list[Results]:
    rank = divided.score.rank[rows.index]
    found = time_dependent_auc(rows["pfs_days"], rows["progressed"], rank, at_days=settings.horizons_days)
    return [asdict(one) for one in found]


def _curves(rows: pd.DataFrame, high: np.ndarray) -> Results:
    days = _at_risk_days(float(rows["pfs_days"].max()))
    curves: dict[str, Any] = {"at_risk_days": days}
    for name, group in (("low", rows[~high]), ("high", rows[high])):
        curve = asdict(kaplan_meier(group["pfs_days"], group["progressed"], at_risk_days=days))
        curves[name] = {key: list(values) for key, values in curve.items()}
    return curves


def _at_risk_days(longest: float) -> list[int]:
    step = next((step for step in AT_RISK_STEPS if longest / step < AT_RISK_COLUMNS), AT_RISK_STEPS[-1])
    return list(range(0, int(longest) + 1, step))
