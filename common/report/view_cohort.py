"""What the report shows of the patients: the flow, and Table 1 of both cohorts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.report.figures_cohort import flow_figure
from common.report.parts import Results, look_up, reason
from common.report.words import DIVISION_NAMES, counted, in_sentence, listed, p_text, plain_name

LEFT_OUT = {"excluded": "excluded", "quarantined": "in quarantine"}
LEVEL = 0.05


def cohort_view(results: Results) -> Mapping[str, Any] | None:
    """The flow of patients with its sentence, and the reasons as tables."""
    cohort = results.get("cohort")
    if cohort is None or reason(cohort):
        return None if cohort is None else {"missing": [reason(cohort)]}
    groups = {name: cohort[name] for name in (*DIVISION_NAMES, "immunotherapy") if name in cohort}
    left_out = {words: dict(cohort.get(key) or {}) for key, words in LEFT_OUT.items()}
    names = {name: name.lower() for name in groups} | {"all": "expression" if len(groups) > 1 else "all patients"}
    shown = {names[name]: n for name, n in groups.items()}
    return {
        "missing": [],
        "figure": flow_figure(cohort.get("read"), left_out, shown),
        "sentence": _flow_sentence(cohort.get("read"), left_out, shown),
        "groups": groups,
        "left_out": {"Excluded by the rules": left_out["excluded"], "In quarantine": left_out["in quarantine"]},
    }


def _flow_sentence(read: int | None, left_out: Mapping[str, Mapping[str, int]], groups: Mapping[str, int]) -> str:
    lost = listed([f"{sum(counts.values()):,} {words}" for words, counts in left_out.items()])
    start = "" if read is None else f"Of {counted(read, 'row')}, "
    parts = listed([f"{n:,} {name}" for name, n in groups.items()])
    end = f": {parts}" if len(groups) > 1 else ""
    sentence = f"{start}{lost}; {counted(sum(groups.values()), 'patient')} took part{end}."
    return sentence[:1].upper() + sentence[1:]


def table1_expression_view(results: Results) -> Mapping[str, Any] | None:
    """Table 1 of the expression cohort."""
    return _table_view(look_up(results, "table1.expression"), "the expression cohort")


def table1_immunotherapy_view(results: Results) -> Mapping[str, Any] | None:
    """Table 1 of the immunotherapy cohort."""
    return _table_view(look_up(results, "table1.immunotherapy"), "the immunotherapy cohort")


def _table_view(table: Any, of: str) -> Mapping[str, Any] | None:
    if table is None:
        return None
    if reason(table):
        return {"missing": [reason(table)]}
    pairs = {name: _pair_name(name, table["groups"]) for name in table["pairs"]}
    return {
        "missing": [],
        "table": table,
        "pairs": pairs,
        "sentence": _table_sentence(table, of),
        "tests": _tests(table["tests"]),
    }


def _tests(tests: Mapping[str, str]) -> list[str]:
    """Each test with the variables it was used for."""
    by_test: dict[str, list[str]] = {}
    for variable, test in tests.items():
        by_test.setdefault(test, []).append(in_sentence(variable))
    return [f"{test} for {listed(variables)}" for test, variables in by_test.items()]


def _pair_name(pair: str, groups: list[Mapping[str, Any]]) -> str:
    names = [group["name"] for group in groups if group["name"] in pair.split("_")]
    return " against ".join(sorted(names, key=pair.index)) if len(names) == 2 else plain_name(pair)


def _table_sentence(table: Mapping[str, Any], of: str) -> str:
    values = {(row["variable"], pair): p for row in table["rows"] for pair, p in row["p"].items() if p is not None}
    total = next((group["n"] for group in table["groups"] if group["name"] == "total"), 0)
    start = f"{counted(total, 'patient')} of {of}."
    if not table["pairs"]:
        return f"{start} There is one group, so nothing is compared."
    different = [
        f"{in_sentence(name)} ({_pair_name(pair, table['groups'])}, p {p_text(p)})"
        for (name, pair), p in values.items()
        if p < LEVEL
    ]
    if not values:
        return f"{start} No comparison has a p value."
    smallest = min(values.values())
    found = (
        f"Below {LEVEL}: {listed(different)}."
        if different
        else f"No p is below {LEVEL}; the smallest is {p_text(smallest)}."
    )
    return f"{start} {counted(len(values), 'comparison')}, not corrected for their number. {found}"
