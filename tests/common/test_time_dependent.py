"""Restricted means against R's survival; time-dependent AUC against its definition."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from lifelines.datasets import load_lung

from common.discrimination import auc, auc_interval
from common.errors import DataError
from common.survival import restricted_mean_difference, time_dependent_auc

REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "r_survival.json").read_text("utf-8"))["lung"]


@pytest.mark.parametrize("horizon", [365, 730])
def test_restricted_means_as_in_r(horizon: int) -> None:
    lung, expected = load_lung(), REFERENCE["rmst"][f"t{horizon}"]
    found = restricted_mean_difference(lung["time"], lung["status"], lung["sex"] == 2, at_days=horizon)
    assert (found.low, found.high) == pytest.approx([group["mean"] for group in expected], rel=1e-9)
    error = np.hypot(*(group["se"] for group in expected))
    assert (found.ci_high - found.ci_low) / 2 == pytest.approx(1.959963984540054 * error, rel=1e-9)
    assert found.difference == pytest.approx(found.high - found.low)


def test_the_horizon_is_the_shorter_follow_up_unless_given() -> None:
    lung = load_lung()
    women = lung["sex"] == 2
    found = restricted_mean_difference(lung["time"], lung["status"], women)
    assert found.days == min(lung["time"][women].max(), lung["time"][~women].max())
    with pytest.raises(DataError, match="one group was followed for"):
        restricted_mean_difference(lung["time"], lung["status"], women, at_days=5000)
    with pytest.raises(DataError, match="both groups need patients"):
        restricted_mean_difference(lung["time"], lung["status"], women & ~women)


def test_without_censoring_it_is_the_plain_auc() -> None:
    random = np.random.default_rng(2)
    score = random.normal(size=200)
    days = random.exponential(300 / np.exp(score))
    (found,) = time_dependent_auc(days, np.ones(200), score, at_days=[200])
    assert found.auc == pytest.approx(auc(days <= 200, score))
    assert (found.n_cases, found.n_controls) == ((days <= 200).sum(), (days > 200).sum())
    by_delong = auc_interval(days <= 200, score)
    assert (found.ci_low, found.ci_high) == pytest.approx((by_delong.ci_low, by_delong.ci_high))


def test_pairs_are_weighted_by_the_chance_to_be_seen() -> None:
    random = np.random.default_rng(3)
    days, progressed, score = random.integers(1, 40, 60), random.random(60) < 0.6, random.integers(0, 5, 60)
    (found,) = time_dependent_auc(days, progressed, score, at_days=[20])
    right = total = 0.0
    for case in np.flatnonzero(progressed & (days <= 20)):
        seen = np.prod([1 - (~progressed & (days == day)).sum() / (days >= day).sum() for day in range(1, days[case])])
        for control in np.flatnonzero(days > 20):
            total += 1 / seen
            right += ((score[case] > score[control]) + (score[case] == score[control]) / 2) / seen
    assert found.auc == pytest.approx(right / total)


def test_censored_cases_are_made_up_for() -> None:
    """With censoring that depends on nothing, the weighted AUC is that of the same patients seen to the end."""
    random = np.random.default_rng(5)
    score = random.normal(size=4000)
    days, leaves = random.exponential(300 / np.exp(score)), random.exponential(400, 4000)
    (found,) = time_dependent_auc(np.minimum(days, leaves), days <= leaves, score, at_days=[250])
    assert found.auc == pytest.approx(auc(days <= 250, score), abs=0.02)


def test_a_horizon_nobody_reaches_has_no_auc() -> None:
    (found,) = time_dependent_auc([10, 20, 30, 40], [1, 1, 1, 0], [4, 3, 2, 1], at_days=[365])
    assert (found.auc, found.n_cases, found.n_controls) == (None, 3, 0)


def test_where_nothing_varies_there_is_no_p() -> None:
    found = restricted_mean_difference([5] * 5 + [9] * 5, [1] * 5 + [0] * 5, [0] * 5 + [1] * 5, at_days=4)
    assert (found.difference, found.ci_low, found.ci_high, found.p) == (0, None, None, None)


@pytest.mark.parametrize("horizon", [0, -3, np.nan, np.inf])
def test_impossible_horizons_are_refused(horizon: float) -> None:
    days, progressed, values = [5, 6, 7, 8], [1, 1, 0, 1], [0, 1, 0, 1]
    with pytest.raises(DataError, match="a horizon of"):
        time_dependent_auc(days, progressed, values, at_days=[horizon])
    with pytest.raises(DataError, match="a horizon of"):
        restricted_mean_difference(days, progressed, values, at_days=horizon)


def test_unknown_groups_are_refused() -> None:
    with pytest.raises(DataError, match="1 of 4 groups are neither 0 nor 1"):
        restricted_mean_difference([5, 6, 7, 8], [1, 1, 0, 1], [0, 1, np.nan, 1])
