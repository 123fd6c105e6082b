"""The paper's numbers beside a run's: overlap in words, p values on either side, and what is not there."""

from __future__ import annotations

from typing import Any

import pytest

from simulation.comparison import Comparison, beside_numbers, comparison_rows
from simulation.published import PUBLISHED


def by_quantity(results: dict[str, Any], quantity: str) -> Comparison:
    return next(row for row in comparison_rows(results) if row.quantity == quantity)


@pytest.mark.parametrize(
    ("low", "high", "overlap"), [(0.70, 0.80, True), (0.85, 0.95, True), (0.86, 0.95, False), (0.40, 0.65, False)]
)
def test_overlap_in_words(results: dict[str, Any], low: float, high: float, overlap: bool) -> None:
    results["discrimination"]["pdl1es"]["test"] |= {"auc": (low + high) / 2, "ci_low": low, "ci_high": high}
    row = by_quantity(results, "AUC of PD-L1ES, test")
    assert row.overlap is overlap
    assert row.verdict == ("the intervals overlap" if overlap else "the intervals do not overlap")
    assert row.paper_text == "0.76 (0.66 to 0.85)"


@pytest.mark.parametrize(
    ("low", "high", "overlap"), [(300.0, None, True), (400.0, None, True), (100.0, 362.0, False), (100.0, 363.0, True)]
)
def test_an_open_interval_reaches_to_infinity(
    results: dict[str, Any], low: float, high: float | None, overlap: bool
) -> None:
    results["survival"]["pdl1es"]["all"] |= {"median_low": None, "median_low_ci": [low, high]}
    row = by_quantity(results, "Median PFS in days, low PD-L1ES")
    assert row.overlap is overlap
    assert row.paper_text == "363 (363 to open)"
    assert row.measured_text.startswith("not reached (")


@pytest.mark.parametrize(
    ("quantity", "path", "measured", "verdict"),
    [
        ("P value, high against low PD-L1ES", "pdl1es.all", 0.049, "both below 0.05"),
        ("P value, high against low PD-L1ES", "pdl1es.all", 0.05, "below 0.05 in the paper, not here"),
        (
            "P value, high against low clinical model, monotherapy",
            "clinical.monotherapy",
            0.01,
            "below 0.05 here, not in",
        ),
        ("P value, high against low clinical model, monotherapy", "clinical.monotherapy", 0.5, "both not below 0.05"),
    ],
)
def test_p_values_on_either_side(
    results: dict[str, Any], quantity: str, path: str, measured: float, verdict: str
) -> None:
    score, group = path.split(".")
    results["survival"][score][group]["logrank_p"] = measured
    assert by_quantity(results, quantity).verdict.startswith(verdict)


@pytest.mark.parametrize(("low", "high", "words"), [(150.0, 200.0, "within"), (180.0, None, "outside")])
def test_a_number_of_the_paper_without_interval(
    results: dict[str, Any], low: float, high: float | None, words: str
) -> None:
    results["survival"]["clinical"]["all"] |= {"median_high": 190.0, "median_high_ci": [low, high]}
    row = by_quantity(results, "Median PFS in days, high clinical model")
    assert row.verdict == f"{words} the interval measured here"


@pytest.mark.parametrize(
    ("rule", "words"), [("xtile", "here by X-tile."), ("median", "here at the median."), (None, "here not divided.")]
)
def test_notes_follow_the_rule_of_the_cut_off(results: dict[str, Any], rule: str | None, words: str) -> None:
    if rule is None:
        del results["survival"]
    else:
        results["survival"]["pdl1es"]["all"]["cutoff_rule"] = rule
    assert by_quantity(results, "Cut-off of PD-L1ES").note.endswith(words)


def test_what_is_not_there_is_said(results: dict[str, Any]) -> None:
    results["survival"]["pdl1es"]["all"] = {"not_computed": "7 patients"}
    del results["redivisions"]
    assert by_quantity(results, "Hazard ratio, high to low PD-L1ES").verdict == "not computed here: 7 patients"
    row = by_quantity(results, "AUC under re-division 1, test")
    assert row.verdict == "not computed here: not part of these results"
    assert row.measured is None and row.measured_text == "not computed"
    assert "survival.pdl1es.all.hazard_ratio" not in beside_numbers(results)
    assert all(row.measured is None for row in comparison_rows({}))


def test_published_numbers_of_a_division_add_up() -> None:
    value = {number.quantity: number.value for number in PUBLISHED}
    divisions = ("training", "validation", "test")
    assert sum(value[f"Patients, {name}"] for name in divisions) == value["Patients, expression cohort"]
    assert sum(value[f"TPS of 50% or more, {name}"] for name in divisions) == 328


def test_every_published_number_has_a_place_in_a_complete_run(results: dict[str, Any]) -> None:
    assert [row.quantity for row in comparison_rows(results) if row.verdict.startswith("not computed")] == []
    quantities = [number.quantity for number in PUBLISHED]
    assert len(quantities) == len(set(quantities))
    assert all(number.ci_low is None or number.ci_low <= number.value for number in PUBLISHED)
    assert all(number.ci_high is None or number.value <= number.ci_high for number in PUBLISHED)
