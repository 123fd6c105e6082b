"""Cox regression against R's survival, and what it says where it has no answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lifelines.datasets import load_lung

from common.errors import DataError
from common.survival import (
    CoxModel,
    compare_groups,
    concordance,
    cox_regression,
    cross_validated_predictor,
    linear_predictor,
)
from common.survival.separation import separating_direction

ROOT = Path(__file__).parents[2]
REFERENCE = json.loads((ROOT / "tests" / "reference" / "r_survival.json").read_text("utf-8"))
TRIAL = ROOT.parent / "shared" / "data" / "clinical" / "nsclc_pd1_msk_2018"
LUNG = ["age", "sex", "ph.ecog"]


@pytest.fixture(scope="module")
def lung() -> pd.DataFrame:
    return load_lung().dropna(subset=LUNG)


def random_patients(number: int = 60, seed: int = 1) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    random = np.random.default_rng(seed)
    covariates = pd.DataFrame(random.normal(size=(number, 2)), columns=["age", "smoking"])
    return random.exponential(200, number), random.integers(0, 2, number), covariates


def assert_as_in_r(found: CoxModel, expected: dict[str, Any]) -> None:
    assert set(found.terms) == set(expected["coef"])
    for name, term in found.terms.items():
        assert term.coefficient == pytest.approx(expected["coef"][name], rel=1e-6)
        assert term.standard_error == pytest.approx(expected["se"][name], rel=1e-6)
        assert term.p == pytest.approx(expected["p"][name], rel=1e-6)
        assert term.proportional_hazards_p == pytest.approx(expected["zph"][name], rel=1e-6)
    assert found.proportional_hazards_p == pytest.approx(expected["zph"]["GLOBAL"], rel=1e-6)
    assert found.c_index == pytest.approx(expected["concordance"], rel=1e-9)
    assert found.log_likelihood == pytest.approx(expected["log_likelihood"], rel=1e-12)


def test_three_covariates_as_in_r(lung: pd.DataFrame) -> None:
    found = cox_regression(lung["time"], lung["status"], lung[LUNG])
    assert (found.n, found.events) == (227, 164)
    assert_as_in_r(found, REFERENCE["lung"]["cox_efron"])


def test_two_groups_as_in_r() -> None:
    lung = load_lung()
    found, expected = compare_groups(lung["time"], lung["status"], lung["sex"] == 2), REFERENCE["lung"]["cox_sex"]
    assert found.hazard_ratio == pytest.approx(expected["hazard_ratio"], rel=1e-6)
    assert found.hazard_ratio_p == pytest.approx(expected["p"], rel=1e-6)
    assert found.proportional_hazards_p == pytest.approx(expected["zph"], rel=1e-5)


@pytest.mark.skipif(not TRIAL.exists(), reason="../shared/data/clinical is not at hand")
def test_a_real_immunotherapy_cohort_as_in_r() -> None:
    patients = pd.read_csv(TRIAL / "data_clinical_patient.txt", sep="\t")
    table = patients.merge(pd.read_csv(TRIAL / "data_clinical_sample.txt", sep="\t"), on="PATIENT_ID")
    progressed = table["PFS_STATUS"].str[0].astype(int)
    covariates = pd.DataFrame(
        {
            "AGE": table["AGE"],
            "male": (table["SEX"] == "Male").astype(int),
            "ever": (table["SMOKER"] == "Ever").astype(int),
            "tmb": table["TMB_NONSYNONYMOUS"],
        }
    )
    expected = REFERENCE["nsclc_pd1_msk_2018"]
    assert_as_in_r(cox_regression(table["PFS_MONTHS"], progressed, covariates), expected["cox"])
    known = table["PDL1_SCORE"].notna()
    score = table.loc[known, ["PDL1_SCORE"]].rename(columns={"PDL1_SCORE": "pdl1"})
    found = cox_regression(table["PFS_MONTHS"][known], progressed[known], score)
    assert_as_in_r(found, expected["cox_pdl1"])


def test_the_predictor_is_the_sum_of_its_terms(lung: pd.DataFrame) -> None:
    model = cox_regression(lung["time"], lung["status"], lung[LUNG])
    by_hand = sum(model.terms[name].coefficient * lung[name].to_numpy() for name in LUNG)
    np.testing.assert_allclose(linear_predictor(model, lung[LUNG]), by_hand, rtol=1e-12)


def test_a_held_out_predictor_does_not_profit_from_noise() -> None:
    fitted, held_out = [], []
    for seed in range(6):
        random = np.random.default_rng(seed)
        noise = pd.DataFrame(random.normal(size=(80, 5)), columns=[f"noise{place}" for place in range(5)])
        days, progressed = random.exponential(300, 80), random.integers(0, 2, 80)
        fitted.append(cox_regression(days, progressed, noise).c_index)
        predictor = cross_validated_predictor(days, progressed, noise, folds=10, seed=3)
        np.testing.assert_array_equal(predictor, cross_validated_predictor(days, progressed, noise, folds=10, seed=3))
        held_out.append(concordance(days, progressed, predictor).c_index)
    assert np.mean(fitted) > 0.58
    assert np.mean(held_out) == pytest.approx(0.5, abs=0.06)


def test_a_constant_column_is_named() -> None:
    days, progressed, covariates = random_patients()
    with pytest.raises(DataError, match="sex is 1 for everyone"):
        cox_regression(days, progressed, covariates.assign(sex=1))


def test_collinear_columns_are_named() -> None:
    days, progressed, covariates = random_patients()
    twice = covariates.assign(months=covariates["age"] * 12 + 3)
    with pytest.raises(DataError, match=r"age follows from months \(collinear\)"):
        cox_regression(days, progressed, twice)


def test_separation_is_named() -> None:
    days, progressed, covariates = random_patients()
    first = days <= np.quantile(days, 0.3)
    with pytest.raises(DataError, match="perfect separates the events: whoever progressed had the highest value"):
        cox_regression(days, progressed, covariates.assign(perfect=progressed))
    with pytest.raises(DataError, match="late separates the events: whoever progressed had the lowest value"):
        cox_regression(days, progressed | first, covariates.assign(late=~first * 1))


def test_a_rare_value_without_events_separates() -> None:
    days, progressed, covariates = random_patients(200)
    rare = np.zeros(200)
    rare[days.argmax()], progressed[days.argmax()] = 1, 0
    with pytest.raises(DataError, match=r"rare separates the events.*merge rare values"):
        cox_regression(days, progressed, covariates.assign(rare=rare))


def test_covariates_that_separate_only_together_are_named() -> None:
    days, progressed, covariates = random_patients()
    together = covariates.assign(dose=-days / 50 - covariates["smoking"])
    with pytest.raises(DataError, match="smoking, dose together separate the events"):
        cox_regression(days, progressed, together)


@pytest.mark.parametrize("seed", range(40))
def test_separation_is_found_when_and_only_when_no_other_order_is_there(seed: int) -> None:
    """One covariate of few values separates when it, or its negative, is never larger in others at risk."""
    random = np.random.default_rng(seed)
    days, progressed = random.integers(1, 9, 9).astype(float), random.random(9) < 0.5
    values = random.integers(0, 2, 9).astype(float)
    progressed[0], values[:2] = True, (0, 1)
    pairs = [(i, j) for i in np.flatnonzero(progressed) for j in range(9) if days[j] >= days[i]]
    differences = np.array([values[i] - values[j] for i, j in pairs])
    one_sided = differences.any() and bool((differences >= 0).all() or (differences <= 0).all())
    assert (separating_direction(days, progressed, values[:, None]) is not None) == one_sided


def test_strong_effects_are_no_separation() -> None:
    random = np.random.default_rng(8)
    strong = pd.DataFrame({"strong": random.normal(size=300)})
    days = random.exponential(np.exp(-3 * strong["strong"]))
    assert cox_regression(days, np.ones(300), strong).terms["strong"].coefficient == pytest.approx(3, abs=0.5)


def test_an_offset_and_a_unit_change_nothing_else(lung: pd.DataFrame) -> None:
    plain = cox_regression(lung["time"], lung["status"], lung[LUNG])
    moved = cox_regression(lung["time"], lung["status"], lung[LUNG].assign(age=lung["age"] * 365.25 + 1e7))
    assert moved.terms["age"].coefficient * 365.25 == pytest.approx(plain.terms["age"].coefficient, rel=1e-6)
    assert moved.terms["age"].p == pytest.approx(plain.terms["age"].p, rel=1e-6)
    assert moved.proportional_hazards_p == pytest.approx(plain.proportional_hazards_p, rel=1e-6)
    with pytest.raises(DataError, match="age is too large a number; give it in finer units"):
        cox_regression(lung["time"], lung["status"], lung[["age"]] / 1e5)


def test_one_event_says_nothing_of_proportional_hazards() -> None:
    values = pd.DataFrame({"age": [3.0, 1, 2, 5, 4, 8, 6, 7, 9, 0]})
    found = cox_regression(range(1, 11), [0, 0, 1] + [0] * 7, values)
    assert np.isfinite(found.terms["age"].coefficient)
    assert (found.proportional_hazards_p, found.terms["age"].proportional_hazards_p) == (None, None)


def test_cross_validation_needs_events_but_nobody_censored() -> None:
    days, _, covariates = random_patients()
    assert np.isfinite(cross_validated_predictor(days, np.ones(60), covariates, seed=1)).all()
    with pytest.raises(DataError, match="4 events: cross-validation in 10 folds needs as many"):
        cross_validated_predictor(days, np.arange(60) < 4, covariates, seed=1)
    with pytest.raises(DataError, match="without the patients of one fold: one "):
        cross_validated_predictor(days, np.ones(60), covariates.assign(one=np.arange(60) == 0), seed=1)


def test_a_missing_value_is_named() -> None:
    days, progressed, covariates = random_patients()
    covariates.loc[3, "smoking"] = np.nan
    with pytest.raises(DataError, match="smoking has missing values"):
        cox_regression(days, progressed, covariates)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda table: table.assign(sex="male"), "sex has missing values or words"),
        (lambda table: table.iloc[:, :0], r"60 patients and covariates \(60, 0\)"),
        (lambda table: table.iloc[:50], r"60 patients and covariates \(50, 2\)"),
        (lambda table: table.set_axis(["age", "age"], axis=1), "age is there more than once"),
    ],
)
def test_tables_that_are_no_covariates(change: Callable[[pd.DataFrame], pd.DataFrame], sentence: str) -> None:
    days, progressed, covariates = random_patients()
    with pytest.raises(DataError, match=sentence):
        cox_regression(days, progressed, change(covariates))
