"""What a page says in words follows from its numbers, and turns round when they do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pages import section_page


def said(results: dict[str, Any], folder: Path, *sections: str) -> str:
    return section_page(results, folder, *sections).text


@pytest.fixture
def area(results: dict[str, Any]) -> dict[str, Any]:
    """A run with AUCs and no curves."""
    kept = ("synthetic", "discrimination", "study", "cohort", "delong")
    return {key: value for key, value in results.items() if key in kept}


@pytest.mark.parametrize(("low", "includes"), [(0.42, True), (0.61, False)])
def test_an_interval_that_includes_chance_is_said(
    area: dict[str, Any], tmp_path: Path, low: float, includes: bool
) -> None:
    area["discrimination"]["pdl1es"]["test"] |= {"auc": 0.7, "ci_low": low, "ci_high": 0.8}
    text = said(area, tmp_path)
    assert f"AUC of 0.70 ({low:.2f} to 0.80)" in text
    assert ("an interval that includes chance" in text) is includes


@pytest.mark.parametrize(("deep", "place"), [(0.99, "came behind Deep features"), (0.01, "came first")])
def test_the_order_of_the_models_is_the_order_of_the_numbers(
    area: dict[str, Any], tmp_path: Path, deep: float, place: str
) -> None:
    area["discrimination"]["deep"]["test"]["auc"] = deep
    assert place in said(area, tmp_path)


@pytest.mark.parametrize(
    ("ratio", "low", "words", "shown"),
    [(2.0, 1.2, "earlier", "the interval excludes 1"), (0.6, 0.3, "later", "a difference is not shown")],
)
def test_the_direction_of_a_hazard_ratio_is_said(
    results: dict[str, Any], tmp_path: Path, ratio: float, low: float, words: str, shown: str
) -> None:
    results["survival"]["pdl1es"]["all"] |= {"hazard_ratio": ratio, "ci_low": low, "ci_high": 2.5}
    text = said(results, tmp_path)
    assert f"went with {words} progression" in text
    assert shown in text


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(0.2, 0.8, "too extreme"), (1.3, 2.0, "too timid"), (0.8, 1.3, "the interval includes the ideal 1")],
)
def test_the_slope_of_calibration_is_judged_by_its_interval(
    results: dict[str, Any], tmp_path: Path, low: float, high: float, words: str
) -> None:
    part = results["calibration"]["pdl1es"]["test"] | {
        "slope": (low + high) / 2,
        "slope_ci_low": low,
        "slope_ci_high": high,
    }
    results["calibration"] = {"pdl1es": {"test": part}}
    assert words in said(results, tmp_path, "calibration")


def test_a_decision_curve_below_both_others_is_not_praised(results: dict[str, Any], tmp_path: Path) -> None:
    curves = results["decision_curves"]["test"]
    curves["models"] = {"pdl1es": [-0.5 for _ in curves["thresholds"]]}
    results["decision_curves"] = {"test": curves}
    assert "nowhere above" in said(results, tmp_path, "decision_curves")


def test_warnings_of_the_data_come_first(followed: dict[str, Any], tmp_path: Path) -> None:
    text = said(followed, tmp_path)
    assert text.index("longest follow-up is 20 days") < text.index("How to read this page")


@pytest.mark.parametrize(("rule", "words"), [("median", "at the median"), ("sealed", "sealed in the signature")])
def test_the_rule_of_the_cut_off_is_said(followed: dict[str, Any], tmp_path: Path, rule: str, words: str) -> None:
    part = {**followed["survival"]["pdl1es"]["all"], "cutoff_rule": rule, "p_search_corrected": None}
    del part["search"]
    followed["survival"] = {"pdl1es": {"all": part}}
    text = said(followed, tmp_path, "survival")
    assert f", {words}" in text
    assert "nothing was searched for" in text


def test_a_hazard_ratio_beyond_reading_has_a_power_of_ten(results: dict[str, Any], tmp_path: Path) -> None:
    results["cox_univariable"]["pdl1es_score"] |= {"hazard_ratio": 1.2593634e64, "ci_low": 999.4, "ci_high": 3.2e99}
    assert "1.26e+64 (999.40 to 3.20e+99)" in said(results, tmp_path, "survival").replace("\N{NO-BREAK SPACE}", " ")


def test_a_slope_with_a_very_wide_interval_is_not_judged(results: dict[str, Any], tmp_path: Path) -> None:
    part = results["calibration"]["pdl1es"]["test"] | {"slope": -40.2, "slope_ci_low": -277.0, "slope_ci_high": 196.0}
    results["calibration"] = {"pdl1es": {"test": part}}
    text = said(results, tmp_path, "calibration")
    assert "too wide to judge" in text
    assert "includes the ideal" not in text


def test_a_fingerprint_is_broken_between_bytes_only(results: dict[str, Any], tmp_path: Path) -> None:
    results["warnings"] = ["signed by 0a:ff:10."]
    assert "0a:<wbr>ff:<wbr>10." in section_page(results, tmp_path).html
