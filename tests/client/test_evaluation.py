"""From scores to results: what is computed, what is not, and that JSON can hold it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_up_patients import MODELS, made_up_patients

from client.evaluation.discrimination import evaluate_expression
from client.evaluation.survival import evaluate_survival, follow_up_warnings
from client.evaluation.survival_cutoff import Rule
from client.redivision import redivide
from common.discrimination import paired_delong
from common.paper_settings import PAPER_EVALUATION, PAPER_SURVIVAL
from common.study import Survival

FAST = PAPER_SURVIVAL.model_copy(update={"permutations": 50})


@pytest.fixture
def expression() -> pd.DataFrame:
    table = made_up_patients()
    return table[table["division"] != "immunotherapy"]


@pytest.fixture
def treated() -> pd.DataFrame:
    table = made_up_patients()
    return table[table["division"] == "immunotherapy"]


def survival(treated: pd.DataFrame, settings: Survival = FAST, **more: Any) -> dict[str, Any]:
    found = evaluate_survival(treated, settings, seed=1, **more)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    return found


def test_every_model_is_judged_on_every_division(expression: pd.DataFrame) -> None:
    found = evaluate_expression(expression, PAPER_EVALUATION)
    assert json.loads(json.dumps(found, allow_nan=False)) == json.loads(json.dumps(found))
    for model in MODELS:
        for division in ("training", "validation", "test"):
            part = found["discrimination"][model][division]
            assert set(part) == {"auc", "ci_low", "ci_high", "n", "n_positive"}
            assert len(found["roc"][model][division]["fpr"]) == len(found["roc"][model][division]["tpr"])
    assert set(found["calibration"]["pdl1es"]) == {"validation", "test"}
    assert set(found["decision_curves"]["test"]["models"]) == set(MODELS)


def test_pairs_are_compared_on_the_same_patients(expression: pd.DataFrame) -> None:
    found = evaluate_expression(expression, PAPER_EVALUATION)["delong"]["test"]["pdl1es_deep"]
    rows = expression[expression["division"] == "test"]
    expected = paired_delong(rows["label"], rows["pdl1es_logit"], rows["deep_logit"])
    assert (found["z"], found["p"]) == (expected.z, expected.p)


def test_the_threshold_comes_from_validation_patients_or_from_the_signature(expression: pd.DataFrame) -> None:
    own = evaluate_expression(expression, PAPER_EVALUATION)["operating_point"]
    validation = expression[expression["division"] == "validation"]
    assert own["threshold"] in set(validation["pdl1es_score"])
    assert (own["rule"], own["chosen_on"]) == ("youden", "validation")
    sealed = evaluate_expression(expression, PAPER_EVALUATION, threshold=0.4)["operating_point"]
    assert (sealed["rule"], sealed["threshold"]) == ("sealed", 0.4)
    test = sealed["by_division"]["test"]
    assert (
        test["true_positive"] + test["false_positive"]
        == ((expression["division"] == "test") & (expression["pdl1es_score"] >= 0.4)).sum()
    )


def test_without_validation_patients_no_threshold_is_invented(expression: pd.DataFrame) -> None:
    everyone = expression.assign(division="all")
    found = evaluate_expression(everyone, PAPER_EVALUATION)
    assert "no validation patients" in found["operating_point"]["not_computed"]
    assert set(found["discrimination"]["pdl1es"]) == {"all"}


def test_subgroups_cover_everyone_and_warn_of_small_ones(expression: pd.DataFrame) -> None:
    groups = evaluate_expression(expression, PAPER_EVALUATION)["subgroups"]["test"]
    for variable in ("manufacturer", "tube_current_ma", "slice_thickness_mm"):
        assert sum(group["n"] for group in groups if group["variable"] == variable) == 60
    levels = {group["level"] for group in groups}
    assert {"below 290 mA", "290 mA or more", "unknown", "5 mm or more"} <= levels
    few = evaluate_expression(expression.groupby("division").head(8), PAPER_EVALUATION)["subgroups"]["test"]
    assert all(group["warning"] for group in few)


def test_scores_that_are_no_probabilities_are_ranked_but_not_calibrated(expression: pd.DataFrame) -> None:
    bare = expression.drop(columns=[name for name in expression if str(name).endswith("_logit")])
    found = evaluate_expression(
        bare[["division", "label", "manufacturer", "tube_current_ma", "slice_thickness_mm"]].assign(
            pdl1es_score=bare["pdl1es_score"] * 100
        ),
        PAPER_EVALUATION,
    )
    assert "auc" in found["discrimination"]["pdl1es"]["test"]
    assert "no probabilities" in found["calibration"]["pdl1es"]["test"]["not_computed"]
    assert "no probabilities" in found["decision_curves"]["test"]["not_computed"]


def test_one_class_leaves_the_rest(expression: pd.DataFrame) -> None:
    expression.loc[expression["division"] == "test", "label"] = 0.0
    found = evaluate_expression(expression, PAPER_EVALUATION)
    assert "0 positive" in found["discrimination"]["deep"]["test"]["not_computed"]
    assert "auc" in found["discrimination"]["deep"]["training"]
    json.dumps(found, allow_nan=False)


def test_each_score_has_its_cut_off_and_groups_share_it(treated: pd.DataFrame) -> None:
    found = survival(treated)["survival"]
    for score in ("pdl1es", "clinical", "combined"):
        cutoffs = {part["cutoff"] for part in found[score].values() if "cutoff" in part}
        assert len(cutoffs) == 1
    whole = found["pdl1es"]["all"]
    high = treated["pdl1es_score"] > whole["cutoff"]
    assert (whole["n"], whole["n_high"], whole["cutoff_rule"]) == (60, high.sum(), "xtile")
    assert whole["p_search_corrected"] >= whole["p_naive"]
    assert found["pdl1es"]["monotherapy"]["n"] + found["pdl1es"]["combination"]["n"] == 60
    assert whole["search"]["cutoffs"][int(np.argmax(whole["search"]["statistics"]))] == whole["cutoff"]


@pytest.mark.parametrize(
    ("rule", "cutoff"), [(Rule("median"), None), (Rule("given", 0.4), 0.4), (Rule("sealed", 0.6), 0.6)]
)
def test_other_rules_search_nothing(treated: pd.DataFrame, rule: Rule, cutoff: float | None) -> None:
    found = survival(treated, rule=rule)["survival"]["pdl1es"]["all"]
    assert found["cutoff"] == (treated["pdl1es_score"].median() if cutoff is None else cutoff)
    assert found["cutoff_rule"] == rule.name
    assert (found["p_search_corrected"], "search" in found) == (None, False)


def test_a_model_fitted_on_its_own_patients_says_what_is_left_of_it(treated: pd.DataFrame) -> None:
    found = survival(treated)
    clinical = found["survival"]["clinical"]["all"]
    assert clinical["c_index_cross_validated"] < clinical["c_index"]
    assert "c_index_cross_validated" not in found["survival"]["pdl1es"]["all"]
    assert set(found["cox_multivariable"]["clinical"]["terms"]) == {"age", "sex", "smoking", "family_history"}
    assert set(found["cox_multivariable"]["pdl1es_age"]["terms"]) == {"pdl1es", "age"}


def test_an_unknown_variable_is_left_out_and_said(treated: pd.DataFrame) -> None:
    found = survival(treated.assign(family_history=""))
    assert "unknown for every patient" in found["survival_by_variable"]["family_history"]["not_computed"]
    assert set(found["cox_multivariable"]["clinical"]["terms"]) == {"age", "sex", "smoking"}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"pdl1es_logit": 0.0, "pdl1es_score": 0.5}, "all 60 scores are 0"),
        ({"progressed": 0.0}, "none of 60 patients progressed"),
    ],
)
def test_what_cannot_be_compared_says_why(treated: pd.DataFrame, change: dict[str, float], sentence: str) -> None:
    assert sentence in survival(treated.assign(**change))["survival"]["pdl1es"]["all"]["not_computed"]


def test_a_given_cut_off_with_one_group_empty(treated: pd.DataFrame) -> None:
    found = survival(treated, rule=Rule("given", 2.0))["survival"]["pdl1es"]["all"]
    assert "the high group has 0 patients" in found["not_computed"]


def test_few_or_no_patients(treated: pd.DataFrame) -> None:
    assert "9 patients" in survival(treated.head(9))["survival"]["pdl1es"]["all"]["not_computed"]
    assert "no patient" in survival(treated.head(0))["survival"]["pdl1es"]["all"]["not_computed"]


def test_one_patient_of_a_treatment_is_one(treated: pd.DataFrame) -> None:
    alone = treated.assign(treatment=["monotherapy"] + ["combination"] * (len(treated) - 1))
    assert survival(alone)["survival"]["pdl1es"]["monotherapy"]["not_computed"].startswith("1 patient (monotherapy):")


def test_months_are_asked_about(treated: pd.DataFrame) -> None:
    assert follow_up_warnings(treated) == []
    (sentence,) = follow_up_warnings(treated.assign(pfs_days=treated["pfs_days"] / 30.44))
    assert "months" in sentence


def test_a_re_division_keeps_every_count() -> None:
    table = made_up_patients()
    again = redivide(table["division"], table["label"], seed=5)
    assert not again.equals(table["division"])
    same = table["division"].isin(["training", "immunotherapy"])
    assert (again[same] == table["division"][same]).all()
    counts = table.groupby(["division", "label"]).size()
    assert table.assign(division=again).groupby(["division", "label"]).size().equals(counts)
