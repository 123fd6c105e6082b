"""Parts that could not be computed are said, parts that are absent are left out, and the rest stands."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pages import run_page, section_page
from sample_results import MADE_UP, sample_results

from common.report import SECTIONS
from common.report.parts import look_up

WHERE = {
    "cohort": "cohort",
    "table1.expression": "table1_expression",
    "table1.immunotherapy": "table1_immunotherapy",
    "discrimination": "discrimination",
    "discrimination.deep.test": "discrimination",
    "discrimination_by_slice.pdl1es.test": "discrimination",
    "delong.test.pdl1es_deep": "discrimination",
    "operating_point": "operating_point",
    "operating_point.by_division.test": "operating_point",
    "calibration": "calibration",
    "calibration.pdl1es.test": "calibration",
    "decision_curves": "decision_curves",
    "decision_curves.test": "decision_curves",
    "subgroups": "subgroups",
    "subgroups.test": "subgroups",
    "redivisions": "redivisions",
    "redivisions.1.test": "redivisions",
    "survival": "survival",
    "survival.pdl1es": "survival",
    "survival.pdl1es.all": "survival",
    "survival.combined.monotherapy": "survival",
    "survival.pdl1es.all.rmst": "survival",
    "survival.pdl1es.all.time_dependent_auc": "survival",
    "survival_by_variable.age": "survival",
    "cox_univariable.pdl1es": "survival",
    "cox_multivariable.pdl1es_clinical": "survival",
    "selected_features": "features",
    "training": "training",
    "pictures": "pictures",
}


def changed(results: dict[str, Any], path: str, *, absent: bool) -> dict[str, Any]:
    other = copy.deepcopy(results)
    parent_path, _, key = path.rpartition(".")
    parent = look_up(other, parent_path) if parent_path else other
    if absent:
        del parent[key]
    else:
        parent[key] = {"not_computed": MADE_UP}
    return other


def parts(value: Any, path: str = "") -> Iterator[str]:
    """The keys of the results that are parts, two levels deep."""
    for key, part in value.items():
        yield f"{path}{key}"
        if isinstance(part, dict) and not path and key not in ("study", "versions", "seconds", "cohort"):
            yield from parts(part, f"{key}.")


@pytest.mark.parametrize("path", WHERE)
def test_a_part_not_computed_says_why(results: dict[str, Any], tmp_path: Path, path: str) -> None:
    page = section_page(changed(results, path, absent=False), tmp_path, WHERE[path])
    assert MADE_UP in page.text
    assert WHERE[path] in page.ids


@pytest.mark.parametrize("path", [path for path in WHERE if path in SECTIONS or path.startswith("table1.")])
def test_a_section_of_which_nothing_is_there_is_left_out(results: dict[str, Any], tmp_path: Path, path: str) -> None:
    assert WHERE[path] not in section_page(changed(results, path, absent=True), tmp_path, WHERE[path]).ids


@pytest.mark.parametrize("path", sorted({path.split(".")[0] for path in parts(sample_results())} - {"synthetic"}))
def test_any_part_may_be_absent(results: dict[str, Any], tmp_path: Path, path: str) -> None:
    sections = [name for name in SECTIONS if name not in ("pictures", "training", "subgroups")]
    section_page({key: value for key, value in results.items() if key == "synthetic"}, tmp_path, *sections)
    light = {key: value for key, value in results.items() if key not in ("calibration", "decision_curves", "roc")}
    if path in light:
        light = changed(light, path, absent=True)
    section_page(light, tmp_path, *(name for name in sections if name not in ("survival", "cohort")))


def test_a_run_of_which_nothing_could_be_computed_still_has_a_page(results: dict[str, Any], tmp_path: Path) -> None:
    keep = (
        "synthetic",
        "preset",
        "seed",
        "study",
        "study_sha256",
        "versions",
        "device",
        "seconds",
        "warnings",
        "cohort",
    )
    bare = {key: value if key in keep else {"not_computed": MADE_UP} for key, value in results.items()}
    page = run_page(bare, tmp_path)
    assert page.text.count(MADE_UP) >= 10
    assert "not computed here" in page.text


def test_a_median_that_was_not_reached_is_said(results: dict[str, Any], tmp_path: Path) -> None:
    results["survival"] = {"pdl1es": {"all": results["survival"]["pdl1es"]["all"]}}
    results["survival"]["pdl1es"]["all"] |= {"median_low": None, "median_low_ci": [250.0, None]}
    page = section_page(results, tmp_path, "survival")
    assert "not reached (250 to open)" in page.text
    assert "low not reached" in page.text
