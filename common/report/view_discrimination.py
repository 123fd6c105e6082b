"""What the report shows of discrimination: ROC curves, AUCs, DeLong's tests, subgroups and re-divisions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from common.report.figures_discrimination import ForestRow, forest_figure, roc_figure
from common.report.parts import Results, computed, computed_parts, look_up, reason, reasons
from common.report.words import CHANCE, DIVISION_NAMES, MODEL_NAMES, counted, estimate, listed, p_phrase, plain_name


def divisions_of(parts: Any) -> list[str]:
    """The divisions that a part speaks of, in their order."""
    return [name for name in DIVISION_NAMES if isinstance(parts, Mapping) and name in parts]


def discrimination_view(results: Results) -> Mapping[str, Any] | None:
    """ROC curves a division, the table of AUCs and the paired comparisons."""
    parts = results.get("discrimination")
    if parts is None or reason(parts):
        return None if parts is None else {"missing": [reason(parts)]}
    models = {model: name for model, name in MODEL_NAMES.items() if model in parts}
    divisions = list(dict.fromkeys(name for model in models for name in divisions_of(parts[model])))
    return {
        "missing": [],
        "models": models,
        "divisions": divisions,
        "areas": parts,
        "by_slice": look_up(results, "discrimination_by_slice.pdl1es"),
        "figures": [_roc(results, division) for division in divisions],
        "delong": _delong(results, divisions),
        "reasons": [line for model, name in models.items() for line in _model_reasons(parts[model], name)]
        + reasons(results.get("discrimination_by_slice"))
        + reasons(look_up(results, "discrimination_by_slice.pdl1es"), {"all": "by slice"}),
    }


def _model_reasons(divisions: Any, name: str) -> Iterator[str]:
    for line in reasons(divisions):
        yield f"{name}, {line}"


def _roc(results: Results, division: str) -> dict[str, Any]:
    curves, areas = {}, {}
    for model in MODEL_NAMES:
        curve, area = (look_up(results, f"{part}.{model}.{division}") for part in ("roc", "discrimination"))
        if computed(curve):
            curves[model] = curve
        if computed(area):
            areas[model] = area
    figure = (
        roc_figure(curves, {model: area["auc"] for model, area in areas.items()}, division=division) if curves else ""
    )
    return {"division": division, "figure": figure, "n": _patients(areas), "sentence": _roc_sentence(areas, division)}


def _patients(areas: Mapping[str, Mapping[str, Any]]) -> int | None:
    return next((area["n"] for area in areas.values()), None)


def _roc_sentence(areas: Mapping[str, Mapping[str, Any]], division: str) -> str:
    if not areas:
        return "No AUC could be computed here."
    ranked = sorted(areas, key=lambda model: -areas[model]["auc"])
    best = areas[ranked[0]]
    text = f"{MODEL_NAMES[ranked[0]]} has {'the largest AUC' if len(ranked) > 1 else 'an AUC of'}"
    text += f"{',' if len(ranked) > 1 else ''} {estimate(best['auc'], best['ci_low'], best['ci_high'])}"
    if len(ranked) > 1:
        text += f"; the smallest is {areas[ranked[-1]]['auc']:.2f}, {MODEL_NAMES[ranked[-1]]}"
    by_chance = [MODEL_NAMES[model] for model in ranked if areas[model]["ci_low"] <= CHANCE]
    text += (
        f". The interval includes chance for {listed(by_chance)}." if by_chance else ". No interval includes chance."
    )
    return text + (" These patients were learned from." if division == "training" else "")


def _delong(results: Results, divisions: list[str]) -> dict[str, Any]:
    tests = results.get("delong")
    rows, why = [], reasons(tests) if reason(tests) else []
    for division in divisions if not why else ():
        part = look_up(results, f"delong.{division}") or {}
        rows += [{"division": division, "pair": _pair(name), **test} for name, test in computed_parts(part).items()]
        why += [f"{DIVISION_NAMES[division]}, {line}" for line in reasons(part)]
    return {"rows": rows, "reasons": why, "sentence": _delong_sentence(rows)}


def _pair(name: str) -> str:
    first, _, second = name.partition("_")
    return f"{MODEL_NAMES.get(first, first)} - {MODEL_NAMES.get(second, second)}"


def _delong_sentence(rows: list[dict[str, Any]]) -> str:
    judged = [row for row in rows if row["division"] != "training" and row["p"] is not None]
    if not judged:
        return ""
    found = [f"{row['pair']} ({row['division']}, {p_phrase(row['p'])})" for row in judged if row["p"] < 0.05]
    told = f"p is below 0.05 for {listed(found)}" if found else "no p is below 0.05"
    return (
        f"Of {counted(len(judged), 'comparison')} on patients not trained on, {told}; not corrected for their number."
    )


def subgroups_view(results: Results) -> Mapping[str, Any] | None:
    """AUC of PD-L1ES by scanner and protocol: a forest plot and a table a division."""
    parts = results.get("subgroups")
    if parts is None or reason(parts):
        return None if parts is None else {"missing": [reason(parts)]}
    shown = [_subgroup(division, parts[division]) for division in divisions_of(parts) if not reason(parts[division])]
    return {"missing": reasons(parts, DIVISION_NAMES), "divisions": shown}


def _subgroup(division: str, rows: list[Mapping[str, Any]]) -> dict[str, Any]:
    told = [row for row in rows if row["auc"] is not None and row["ci_low"] is not None]
    lines = [ForestRow(_label(row), ((row["auc"], row["ci_low"], row["ci_high"]),)) for row in told]
    title = f"AUC of PD-L1ES by scanner and protocol, {division} patients"
    figure = forest_figure(lines, name=f"subgroups-{division}", title=title) if lines else ""
    return {"division": division, "rows": rows, "figure": figure, "sentence": _subgroup_sentence(rows, told)}


def _label(row: Mapping[str, Any]) -> str:
    unknown = row["level"] == "unknown"
    return f"{plain_name(row['variable'])} unknown" if unknown else str(row["level"])[:28]


def _subgroup_sentence(rows: list[Mapping[str, Any]], told: list[Mapping[str, Any]]) -> str:
    if not told:
        return "No AUC could be computed in any of these groups."
    low, high = min(told, key=lambda row: row["auc"]), max(told, key=lambda row: row["auc"])
    apart = [
        f"{_label(a)} and {_label(b)}"
        for a, b in combinations(told, 2)
        if a["variable"] == b["variable"] and (a["ci_low"] > b["ci_high"] or b["ci_low"] > a["ci_high"])
    ]
    text = f"AUCs from {low['auc']:.2f} ({_label(low)}) to {high['auc']:.2f} ({_label(high)}). "
    text += (
        f"Intervals that do not overlap: {listed(apart)}." if apart else "Within each variable the intervals overlap."
    )
    warned = sum(1 for row in rows if row["warning"])
    return text + (f" {counted(warned, 'group')} with a warning, in the table." if warned else "")


def redivisions_view(results: Results) -> Mapping[str, Any] | None:
    """PD-L1ES trained again on other divisions of validation and test patients."""
    rows = results.get("redivisions")
    if rows is None or reason(rows):
        return None if rows is None else {"missing": [reason(rows)]}
    return {"missing": [], "rows": rows, "divisions": ("training", "validation", "test"), "sentence": _spread(rows)}


def _spread(rows: list[Mapping[str, Any]]) -> str:
    areas = [row["test"]["auc"] for row in rows if computed(row["test"])]
    if not areas:
        return "No test AUC could be computed."
    return f"Over {counted(len(areas), 'division')} the test AUC lies between {min(areas):.2f} and {max(areas):.2f}."
