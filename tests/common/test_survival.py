"""Survival statistics against R's survival package, a published trial and lifelines' own concordance."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines.datasets import load_lung
from lifelines.utils import concordance_index

from common.errors import DataError
from common.survival import compare_groups, concordance, kaplan_meier

ROOT = Path(__file__).parents[2]
OF_R = json.loads((ROOT / "tests" / "reference" / "r_survival.json").read_text("utf-8"))
REFERENCE = OF_R["lung"]
TRIAL = ROOT.parent / "shared" / "data" / "clinical" / "nsclc_pd1_msk_2018"

# Weeks in remission of 42 children, Freireich et al., Blood 1963; 21: 699-716; a negative week is censored.
MERCAPTOPURINE = (6, 6, 6, -6, 7, -9, 10, -10, -11, 13, 16, -17, -19, -20, 22, 23, -25, -32, -32, -34, -35)
PLACEBO = (1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23)


@pytest.fixture(scope="module")
def lung() -> pd.DataFrame:
    table = load_lung()
    return table.assign(progressed=table["status"])


def test_leukaemia_trial_as_published() -> None:
    weeks = np.array(MERCAPTOPURINE + PLACEBO)
    found = compare_groups(np.abs(weeks), weeks > 0, [0] * 21 + [1] * 21)
    assert found.logrank_chi2 == pytest.approx(16.79, abs=0.005)
    assert found.hazard_ratio == pytest.approx(4.817, abs=0.001)
    assert (found.ci_low, found.ci_high) == pytest.approx((2.147, 10.81), abs=0.005)
    assert (found.median_low.days, found.median_high.days) == (23, 8)
    assert (found.n, found.n_high, found.events, found.events_high) == (42, 21, 30, 21)


def test_groups_as_in_r(lung: pd.DataFrame) -> None:
    found = compare_groups(lung["time"], lung["progressed"], lung["sex"] == 2)
    assert found.logrank_chi2 == pytest.approx(REFERENCE["logrank_sex"]["chi2"], abs=1e-9)
    assert found.logrank_p == pytest.approx(REFERENCE["logrank_sex"]["p"], abs=1e-9)
    expected = REFERENCE["cox_sex"]
    assert found.hazard_ratio == pytest.approx(expected["hazard_ratio"], abs=2e-6)
    assert found.ci_low == pytest.approx(expected["ci_low"], abs=2e-6)
    assert found.ci_high == pytest.approx(expected["ci_high"], abs=2e-6)
    assert [found.median_low.days, found.median_high.days] == REFERENCE["median_by_sex"]


@pytest.mark.skipif(not TRIAL.exists(), reason="../shared/data/clinical is not at hand")
@pytest.mark.parametrize("division", ["ge50", "smoker"])
def test_a_real_immunotherapy_cohort_as_in_r(division: str) -> None:
    patients = pd.read_csv(TRIAL / "data_clinical_patient.txt", sep="\t")
    table = patients.merge(pd.read_csv(TRIAL / "data_clinical_sample.txt", sep="\t"), on="PATIENT_ID")
    if division == "ge50":
        table = table.dropna(subset="PDL1_SCORE")
    high = table["PDL1_SCORE"] >= 50 if division == "ge50" else table["SMOKER"] == "Ever"
    found = compare_groups(table["PFS_MONTHS"], table["PFS_STATUS"].str[0].astype(int), high)
    expected = OF_R["nsclc_pd1_msk_2018"][division]
    assert [found.n - found.n_high, found.n_high] == expected["n"]
    assert [found.events - found.events_high, found.events_high] == expected["events"]
    assert found.logrank_chi2 == pytest.approx(expected["chi2"], rel=1e-9)
    assert found.logrank_p == pytest.approx(expected["p"], rel=1e-9)
    assert [found.median_low.days, found.median_high.days] == expected["medians"]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_exchanged_groups_turn_the_hazard_ratio_over(seed: int) -> None:
    random = np.random.default_rng(seed)
    days, progressed, high = random.integers(1, 200, 40), random.random(40) < 0.7, np.arange(40) % 2 == 0
    found, turned = compare_groups(days, progressed, high), compare_groups(days, progressed, ~high)
    assert turned.logrank_chi2 == pytest.approx(found.logrank_chi2)
    assert turned.hazard_ratio == pytest.approx(1 / found.hazard_ratio)
    assert (turned.ci_low, turned.ci_high) == pytest.approx((1 / found.ci_high, 1 / found.ci_low))
    assert turned.proportional_hazards_p == pytest.approx(found.proportional_hazards_p)
    assert (turned.median_low, turned.median_high) == (found.median_high, found.median_low)


def test_events_of_one_day_say_nothing_of_proportional_hazards() -> None:
    found = compare_groups([5] * 8 + [9] * 8, [1] * 8 + [0] * 8, [0, 1] * 8)
    assert found.hazard_ratio == pytest.approx(1)
    assert found.proportional_hazards_p is None


@pytest.mark.parametrize("model", ["cox_sex", "cox_efron"])
def test_concordance_and_its_interval_as_in_r(lung: pd.DataFrame, model: str) -> None:
    known = lung.dropna(subset=["ph.ecog"]) if model == "cox_efron" else lung
    coefficients = REFERENCE[model].get("coef", {"sex": -1})
    score = sum(weight * known[name] for name, weight in coefficients.items())
    found = concordance(known["time"], known["progressed"], score)
    assert found.c_index == pytest.approx(REFERENCE[model]["concordance"], abs=1e-9)
    margin = 1.959963984540054 * REFERENCE[model]["concordance_se"]
    assert found.ci_high - found.c_index == pytest.approx(margin, abs=1e-9)
    assert found.c_index - found.ci_low == pytest.approx(margin, abs=1e-9)


def test_curve_as_in_r(lung: pd.DataFrame) -> None:
    expected = REFERENCE["survival_at"]
    curve = kaplan_meier(lung["time"], lung["progressed"], at_risk_days=[row["day"] for row in expected])
    assert list(curve.at_risk) == [row["at_risk"] for row in expected]
    for row in expected:
        step = int(np.searchsorted(curve.days, row["day"], side="right")) - 1
        assert curve.survival[step] == pytest.approx(row["survival"], abs=1e-9)
        spread = 1.959963984540054 * row["std_err"] / (row["survival"] * np.log(row["survival"]))
        low, high = row["survival"] ** np.exp(-spread), row["survival"] ** np.exp(spread)
        assert (curve.ci_low[step], curve.ci_high[step]) == pytest.approx((low, high), abs=1e-6)


def test_median_and_its_interval_as_in_r(lung: pd.DataFrame) -> None:
    twice = pd.concat([lung, lung])
    found = compare_groups(twice["time"], twice["progressed"], [0] * len(lung) + [1] * len(lung)).median_high
    assert {"days": found.days, "ci_low": found.ci_low, "ci_high": found.ci_high} == REFERENCE["median_all"]


def test_concordance_counts_ties_like_lifelines() -> None:
    random = np.random.default_rng(7)
    for _ in range(20):
        days, score = random.integers(1, 12, 30), random.integers(0, 4, 30)
        progressed = random.random(30) < 0.6
        found = concordance(days, progressed, score)
        assert found.c_index == pytest.approx(concordance_index(days, -score, progressed), abs=1e-12)


def test_higher_score_is_higher_risk() -> None:
    assert concordance([1, 2, 3, 4], [1, 1, 1, 0], [9, 5, 3, 1]).c_index == 1


def test_median_not_reached_is_none() -> None:
    found = compare_groups([3, 9, 9, 9, 4, 3, 2, 1], [1, 0, 0, 0, 1, 1, 1, 0], [0] * 4 + [1] * 4)
    assert found.median_low.days is None
    assert found.median_high.days == 3


def test_hazard_ratio_does_not_hang_on_the_order_of_rows() -> None:
    days, progressed, high = [1, 2, 3, 4, 5, 6], [1, 1, 1, 1, 1, 1], [1, 1, 0, 1, 0, 0]
    turned = [5, 0, 3, 1, 4, 2]
    found = compare_groups(days, progressed, high)
    again = compare_groups(*([column[place] for place in turned] for column in (days, progressed, high)))
    assert again.hazard_ratio == pytest.approx(found.hazard_ratio, rel=1e-6)
    assert found.hazard_ratio > 1


def test_curve_that_ends_at_zero_has_finite_bounds() -> None:
    curve = kaplan_meier([1, 2, 3], [1, 1, 1], at_risk_days=[0, 2, 4])
    assert curve.survival[-1] == 0
    assert np.isfinite(curve.ci_low + curve.ci_high).all()
    assert curve.at_risk == (3, 2, 0)


@pytest.mark.parametrize(
    ("days", "progressed", "high", "sentence"),
    [
        ([1, 2, 3], [0, 0, 0], [0, 1, 1], "none of 3 patients progressed"),
        ([1, 2, 3], [1, 1, 1], [1, 1, 1], "the low group has 0 patients and no progression"),
        ([1, 2, 3], [1, 1, 0], [0, 0, 1], "the high group has 1 patients and no progression"),
        ([1, -2, 3], [1, 1, 1], [0, 1, 1], "1 of 3 follow-up times are negative or missing"),
        ([1, np.nan, 3], [1, 1, 1], [0, 1, 1], "negative or missing"),
        ([1, 2, 3], [1, 2, 1], [0, 1, 1], "1 of 3 values of progressed are neither 0 nor 1"),
        ([1, 2, 3], [1, 1, 1], [0, 1], "one group a patient"),
        ([1, 2, 3], [1, 1, 1], [0, 1, np.nan], "1 of 3 groups are neither 0 nor 1"),
        ([1, 2, 3, 4, 5, 6, 7, 8], [1] * 8, [1] * 4 + [0] * 4, "only one of them progressed"),
    ],
)
def test_comparisons_that_cannot_be_made(
    days: list[float], progressed: list[float], high: list[int], sentence: str
) -> None:
    with pytest.raises(DataError, match=sentence):
        compare_groups(days, progressed, high)


@pytest.mark.parametrize(
    ("days", "progressed", "score", "sentence"),
    [
        ([1, 2], [1, 1], [0.5, 0.5], "all 2 scores are 0.5"),
        ([1, 2], [1, 1], [0.5, np.nan], "2 patients and 1 scores"),
        ([1, 2], [0, 1], [1, 2], "no patient outlived"),
    ],
)
def test_concordances_that_cannot_be_computed(
    days: list[float], progressed: list[float], score: list[float], sentence: str
) -> None:
    with pytest.raises(DataError, match=sentence):
        concordance(days, progressed, score)
