"""The table of one score's survival: a row a number, a column a group of patients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from common.report.parts import computed, computed_parts, reason
from common.report.words import days, estimate, p_text

RULES = {
    "xtile": "by X-tile",
    "median": "at the median",
    "given": "at a number that was given",
    "sealed": "sealed in the signature",
}
Part = Mapping[str, Any]


def survival_rows(score: str, groups: Mapping[str, Part]) -> list[dict[str, Any]]:
    """Rows of `label` and `cells`, each a text and the dotted key of its number, or None where there is no number."""
    rows = [(label, key, show) for label, key, show in (*_ROWS, *_later_rows(groups))]
    table = []
    for label, key, show in rows:
        texts = {group: show(part) for group, part in groups.items()}
        if any(texts.values()):
            cells = [{"text": text or "-", "path": f"survival.{score}.{group}.{key}"} for group, text in texts.items()]
            table.append({"label": label, "cells": cells})
    return table


def _interval(name: str, low: str, high: str) -> Callable[[Part], str]:
    return lambda part: estimate(part[name], part[low], part[high]) if name in part else ""


def _p(name: str) -> Callable[[Part], str]:
    return lambda part: p_text(part[name]) if name in part else ""


def _corrected(part: Part) -> str:
    value = part.get("p_search_corrected")
    return "nothing was searched for" if value is None else p_text(value)


def _median(name: str) -> Callable[[Part], str]:
    return lambda part: days(part[name], part.get(f"{name}_ci"))


_ROWS: tuple[tuple[str, str, Callable[[Part], str]], ...] = (
    ("Patients, high of all", "n", lambda part: f"{part['n_high']} of {part['n']}"),
    ("Progressions, high of all", "events", lambda part: f"{part['events_high']} of {part['events']}"),
    (
        "Cut-off",
        "cutoff",
        lambda part: f"{part['cutoff']:.3g}, {RULES.get(part['cutoff_rule'], part['cutoff_rule'])}",
    ),
    ("Hazard ratio, high to low", "hazard_ratio", _interval("hazard_ratio", "ci_low", "ci_high")),
    ("p of the hazard ratio (Wald)", "hazard_ratio_p", _p("hazard_ratio_p")),
    ("p of the log-rank test, as if not searched", "logrank_p", _p("logrank_p")),
    ("p corrected for the search of the cut-off", "p_search_corrected", _corrected),
    ("The same, approximated", "p_search_approximation", _p("p_search_approximation")),
    ("p of the test of proportional hazards", "proportional_hazards_p", _p("proportional_hazards_p")),
    ("C-index of the score", "c_index", _interval("c_index", "c_index_ci_low", "c_index_ci_high")),
    (
        "C-index of the two groups",
        "c_index_groups",
        _interval("c_index_groups", "c_index_groups_ci_low", "c_index_groups_ci_high"),
    ),
    (
        "C-index, cross-validated",
        "c_index_cross_validated",
        lambda part: estimate(part["c_index_cross_validated"]) if "c_index_cross_validated" in part else "",
    ),
    ("Median days, low", "median_low", _median("median_low")),
    ("Median days, high", "median_high", _median("median_high")),
)


def _later_rows(groups: Mapping[str, Part]) -> list[tuple[str, str, Callable[[Part], str]]]:
    """Restricted means and time-dependent AUCs, where a group has them."""
    rows: list[tuple[str, str, Callable[[Part], str]]] = []
    if any("rmst" in part for part in groups.values()):
        rows += [
            ("Mean progression-free days, low and high", "rmst.low", _means),
            ("Difference of these, high minus low", "rmst.difference", _difference),
        ]
    horizons = {
        one["days"]
        for part in groups.values()
        if isinstance(part.get("time_dependent_auc"), list)
        for one in part["time_dependent_auc"]
    }
    rows += [(f"AUC of the score at {day:g} days", "time_dependent_auc", _time_auc(day)) for day in sorted(horizons)]
    if not horizons and any(reason(part.get("time_dependent_auc")) for part in groups.values()):
        rows.append(("Time-dependent AUC", "time_dependent_auc", _reason("time_dependent_auc")))
    return rows


def _means(part: Part) -> str:
    means = part.get("rmst")
    if not computed(means):
        return _reason("rmst")(part)
    return f"{days(means['low'])} and {days(means['high'])}, until day {days(means['days'])}"


def _difference(part: Part) -> str:
    means = computed_parts(part).get("rmst")
    if means is None:
        return ""
    return f"{days(means['difference'], [means['ci_low'], means['ci_high']])}, p {p_text(means['p'])}"


def _time_auc(day: float) -> Callable[[Part], str]:
    def show(part: Part) -> str:
        found = part.get("time_dependent_auc")
        if not isinstance(found, list):
            return _reason("time_dependent_auc")(part)
        one = next((one for one in found if one["days"] == day), None)
        return "" if one is None else f"{estimate(one['auc'], one['ci_low'], one['ci_high'])}"

    return show


def _reason(name: str) -> Callable[[Part], str]:
    def show(part: Part) -> str:
        why = reason(part.get(name))
        return f"not computed: {why}" if why else ""

    return show
