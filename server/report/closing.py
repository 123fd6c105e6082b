"""The sections that end a study's report: how to read it, methods, provenance and the TRIPOD+AI checklist."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from common.report import Section
from common.report.checklist import CHECKLIST, Item
from common.report.parts import Results, computed, look_up
from common.report.view_provenance import provenance_view
from server.report.parts import known
from server.report.view_methods import methods_view

# what a section of one site's report is called in a study's
_PLACES = {
    "cohort": "sites",
    "table1_expression": "",
    "table1_immunotherapy": "",
    "discrimination": "evaluation",
    "operating_point": "signature",
    "calibration": "",
    "decision_curves": "",
    "subgroups": "",
    "redivisions": "",
}
_AUTHORS = {
    14: "groups of people, such as sex and age: the sites do not tell them",
    16: "characteristics of the patients of each division (Table 1), which the sites have in their own reports",
    20: "characteristics of the patients, which the sites have in their own reports",
}


def reading_view(results: Results) -> Mapping[str, Any]:
    """What the numbers of the page mean; the template chooses by what is shown."""
    evaluation = look_up(results, "evaluation.federated")
    return {
        "evaluation": computed(evaluation),
        "judged": known(results, "study.privacy.validation") != "withheld",
        "private": bool(known(results, "privacy.promised")),
        "alone": computed(evaluation) and len(results["evaluation"]) > 1,
        "survival": computed(look_up(results, "survival.combined.by_group")),
        "curves": bool(known(results, "survival.curves")),
    }


def study_provenance_view(results: Results) -> Mapping[str, Any]:
    """What ran, with what: hashes, seed, versions and all settings."""
    facts = {
        "Study, SHA-256": results.get("study_sha256"),
        "Code, SHA-256": results.get("code_sha256"),
        "Seed": results.get("seed"),
        "Started": _times(results.get("runs")),
        "Preset": results.get("preset"),
        "Device": results.get("device"),
    }
    known = {name: value for name, value in facts.items() if value is not None}
    return {**(provenance_view(results) or {}), "facts": known}


def study_checklist_view(results: Results) -> Mapping[str, Any]:
    """The items of the checklist with the sections of this page that speak of them."""
    return {"items": [_item(item) for item in CHECKLIST]}


def _item(item: Item) -> Item:
    places = [_PLACES.get(name, name) for name in item.sections]
    return replace(
        item,
        sections=tuple(dict.fromkeys(name for name in places if name)),
        author=_AUTHORS.get(item.number, item.author),
    )


def _times(runs: int | None) -> str | None:
    return None if runs is None else "once" if runs == 1 else f"{runs:,} times, going on where it had stopped"


CLOSING = (
    Section("reading", "How to read this page", reading_view),
    Section("methods", "Methods", methods_view),
    Section("provenance", "Settings and provenance", study_provenance_view),
    Section("checklist", "TRIPOD+AI checklist", study_checklist_view),
)
