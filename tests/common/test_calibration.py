"""Calibration against R's rms and glm, against plain maximum likelihood and on known miscalibration."""

from __future__ import annotations

import warnings
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import expit, logit
from statsmodels.stats.proportion import proportion_confint

from common.discrimination import Calibration, calibrate
from common.errors import DataError


def simulated(number: int, *, slope: float, intercept: float, seed: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes, and log-odds of predictions that are off by the slope and the intercept."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=number)
    return random.uniform(size=number) < expit(slope * logits + intercept), logits


def numbers(found: Calibration) -> list[float]:
    content = asdict(found)
    groups = [value for group in content.pop("groups") for value in group.values()]
    smooth = content.pop("smooth")
    return [*content.values(), *groups, *smooth["predicted"], *smooth["observed"]]


def test_a_model_on_its_own_patients_is_calibrated_as_in_rms(
    asah: pd.DataFrame, r_discrimination: dict[str, Any]
) -> None:
    model = r_discrimination["aSAH"]["model_s100b_wfns_age"]
    weights = dict(model["coefficients"])
    logits = weights.pop("intercept") + sum(weight * asah[name] for name, weight in weights.items())
    found = calibrate(asah["poor"], logits)
    assert found.brier == pytest.approx(model["val_prob"]["Brier"], rel=1e-10)
    assert found.intercept == pytest.approx(model["val_prob"]["Intercept"], abs=1e-6)
    assert found.slope == pytest.approx(model["val_prob"]["Slope"], abs=1e-6)
    assert found.mean_predicted == pytest.approx(found.observed, rel=1e-9)
    assert found.n == sum(group.n for group in found.groups) == 113


def test_slope_is_the_coefficient_of_glm(asah: pd.DataFrame, r_discrimination: dict[str, Any]) -> None:
    model = r_discrimination["aSAH"]["model_s100b"]
    found = calibrate(asah["poor"], asah["s100b"])
    assert found.slope == pytest.approx(model["coefficients"]["s100b"], rel=1e-10)
    own = calibrate(asah["poor"], model["coefficients"]["intercept"] + found.slope * asah["s100b"])
    assert own.brier == pytest.approx(model["brier"], rel=1e-10)


@pytest.mark.parametrize(("slope", "intercept"), [(1, 0), (0.3, 1), (2, -1), (-0.5, 0)])
def test_intercept_and_slope_are_plain_maximum_likelihood(slope: float, intercept: float) -> None:
    labels, logits = simulated(150, slope=slope, intercept=intercept)
    found = calibrate(labels, logits)
    expected = brentq(lambda value: (expit(value + logits) - labels).sum(), -20, 20, xtol=1e-13)
    weights = expit(expected + logits) * expit(-expected - logits)
    margin = 1.959963984540054 / np.sqrt(weights.sum())
    assert (found.intercept, found.intercept_ci_low, found.intercept_ci_high) == pytest.approx(
        (expected, expected - margin, expected + margin), abs=1e-8
    )
    inputs, terms = np.column_stack([np.ones(150), logits]), np.zeros(2)
    for _ in range(50):
        risk = expit(inputs @ terms)
        information = inputs.T @ (inputs * (risk * (1 - risk))[:, None])
        terms = terms + np.linalg.solve(information, inputs.T @ (labels - risk))
    margin = 1.959963984540054 * np.sqrt(np.linalg.inv(information)[1, 1])
    assert (found.slope, found.slope_ci_low, found.slope_ci_high) == pytest.approx(
        (terms[1], terms[1] - margin, terms[1] + margin), abs=1e-8
    )


def test_overconfident_log_odds_do_not_throw_the_fit_off() -> None:
    labels, logits = simulated(100, slope=1, intercept=0)
    found = calibrate(labels, 200 * logits)
    expected = brentq(lambda value: (expit(value + 200 * logits) - labels).sum(), -1000, 1000, xtol=1e-12)
    assert found.intercept == pytest.approx(expected, rel=1e-9)
    assert found.slope == pytest.approx(calibrate(labels, logits).slope / 200, rel=1e-9)


def test_a_known_miscalibration_is_found() -> None:
    labels, logits = simulated(20_000, slope=0.5, intercept=-1)
    found = calibrate(labels, logits)
    assert found.slope_ci_low < 0.5 < found.slope_ci_high
    assert found.slope_ci_high - found.slope_ci_low < 0.15
    assert found.intercept_ci_high < -0.9
    assert found.mean_predicted > found.observed
    for risk in (0.3, 0.5, 0.7):
        smooth = np.interp(risk, found.smooth["predicted"], found.smooth["observed"])
        assert smooth == pytest.approx(expit(0.5 * logit(risk) - 1), abs=0.03)
    for group in found.groups:
        assert group.ci_low - 0.03 < expit(0.5 * logit(group.predicted) - 1) < group.ci_high + 0.03


@pytest.mark.parametrize(("number", "expected"), [(15, 1), (39, 1), (40, 2), (113, 5), (200, 10), (2000, 10)])
def test_there_are_as_many_groups_as_patients_allow(number: int, expected: int) -> None:
    labels, logits = simulated(number, slope=1, intercept=0)
    found = calibrate(labels, logits)
    sizes = [group.n for group in found.groups]
    assert len(sizes) == expected
    assert sum(sizes) == number
    assert max(sizes) - min(sizes) <= 1
    assert len(calibrate(labels, logits, groups=3).groups) == min(3, expected)


def test_groups_count_their_own_patients() -> None:
    labels, logits = simulated(113, slope=1, intercept=0)
    order = np.argsort(logits)
    start = 0
    for group in calibrate(labels, logits).groups:
        members, start = order[start : start + group.n], start + group.n
        assert group.predicted == pytest.approx(expit(logits[members]).mean())
        assert group.observed == pytest.approx(labels[members].mean())
        expected = proportion_confint(labels[members].sum(), group.n, method="wilson")
        assert (group.ci_low, group.ci_high) == pytest.approx(expected)


def test_equal_predictions_share_a_group_in_any_order_of_rows() -> None:
    labels, logits = simulated(200, slope=1, intercept=0)
    coarse = np.round(logits)
    found = calibrate(labels, coarse)
    predicted = [group.predicted for group in found.groups]
    assert predicted == sorted(predicted)
    assert len(found.groups) <= len(np.unique(coarse))
    shuffled = np.random.default_rng(1).permutation(200)
    for one, other in zip(found.groups, calibrate(labels[shuffled], coarse[shuffled]).groups, strict=True):
        assert (one.n, one.observed) == (other.n, other.observed)


def test_predictions_that_saturate_as_probabilities_still_have_a_slope() -> None:
    labels, logits = simulated(300, slope=1, intercept=0)
    near, far = calibrate(labels, logits), calibrate(labels, logits + 50)
    assert (far.slope, far.slope_ci_low) == pytest.approx((near.slope, near.slope_ci_low), rel=1e-9)
    assert far.intercept == pytest.approx(near.intercept - 50, rel=1e-9)
    assert [group.n for group in far.groups] == [group.n for group in near.groups]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.floats(-40, 40)), min_size=1, max_size=60),
    st.sampled_from([1e-3, 1, 1e3]),
)
def test_every_number_is_finite_and_nothing_warns(rows: list[tuple[bool, float]], scale: float) -> None:
    labels, logits = map(np.array, zip(*rows, strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            found = calibrate(labels, scale * logits)
        except DataError:
            return
    assert np.isfinite(numbers(found)).all()
    assert found.intercept_ci_low <= found.intercept <= found.intercept_ci_high
    assert found.slope_ci_low <= found.slope <= found.slope_ci_high


def test_keys_are_those_of_the_results() -> None:
    content = asdict(calibrate(*simulated(60, slope=1, intercept=0)))
    assert list(content) == [
        *("n", "brier", "intercept", "intercept_ci_low", "intercept_ci_high"),
        *("slope", "slope_ci_low", "slope_ci_high", "mean_predicted", "observed", "groups", "smooth"),
    ]
    assert set(content["groups"][0]) == {"predicted", "observed", "ci_low", "ci_high", "n"}
    assert set(content["smooth"]) == {"predicted", "observed"}
    assert len(content["smooth"]["predicted"]) == len(content["smooth"]["observed"]) == 50


@pytest.mark.parametrize(
    ("labels", "logits", "sentence"),
    [
        ([0, 1] * 20, [0.2] * 40, "all 40 predictions are equal"),
        ([0] * 20, np.arange(20), "both classes are needed"),
        ([0, 1, 0], [1, 2, 3], "3 patients: calibration needs at least 10"),
        ([0, 1] * 10, [np.nan, *range(19)], "1 of 20 scores are missing or infinite"),
        ([0, 1] * 10, [np.inf, *range(19)], "1 of 20 scores are missing or infinite"),
        ([0] * 20 + [1] * 20, np.arange(40), "separate all 40 patients"),
        ([1] * 20 + [0] * 20, np.arange(40), "separate all 40 patients"),
        ([0] * 10 + [0, 1] * 5 + [1] * 10, [-1] * 10 + [0] * 10 + [1] * 10, "separate all 30 patients"),
        ([1, 0] * 10 + [0, 1] * 10, [-9000] * 20 + [9000] * 20, "so close to 0 and 1"),
    ],
    ids=["equal", "one class", "few", "missing", "infinite", "separated", "reversed", "touching", "far"],
)
def test_what_cannot_be_calibrated_says_why(labels: list[int], logits: list[float], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        calibrate(labels, logits)
