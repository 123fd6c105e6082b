"""The AUC, DeLong's interval and the ROC curve against pROC and against plain counting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.discrimination import auc, auc_interval, roc_points
from common.errors import DataError

patients = st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=4, max_size=40).filter(
    lambda rows: 2 <= sum(label for label, _ in rows) <= len(rows) - 2
)


@pytest.mark.parametrize("marker", ["wfns", "s100b", "ndka"])
def test_auc_interval_is_that_of_proc(asah: pd.DataFrame, r_discrimination: dict[str, Any], marker: str) -> None:
    found = auc_interval(asah["poor"], asah[marker])
    expected = r_discrimination["aSAH"]["markers"][marker]
    assert found.auc == pytest.approx(expected["auc"], rel=1e-12)
    assert found.ci_low == pytest.approx(expected["ci_low"], rel=1e-12)
    assert found.ci_high == pytest.approx(expected["ci_high"], rel=1e-12)
    assert (found.n, found.n_positive) == (113, 41)


@pytest.mark.parametrize(("key", "column"), [("auc_tmb", "TMB_NONSYNONYMOUS"), ("auc_pdl1", "PDL1_SCORE")])
def test_auc_interval_of_a_published_cohort(
    pd1_trial: pd.DataFrame, r_discrimination: dict[str, Any], key: str, column: str
) -> None:
    known = pd1_trial[pd1_trial[column].notna()]
    found = asdict(auc_interval(known["benefit"], known[column]))
    for name, value in r_discrimination["nsclc_pd1_msk_2018"][key].items():
        assert found[name] == pytest.approx(value, rel=1e-12)


@given(patients, st.sampled_from([np.exp, np.arctan, lambda score: 3 * score - 7, lambda score: score**3]))
def test_area_does_not_change_with_a_rising_scale(
    rows: list[tuple[bool, int]], transform: Callable[[np.ndarray], np.ndarray]
) -> None:
    labels, scores = map(np.array, zip(*rows, strict=True))
    assert auc_interval(labels, transform(scores)) == auc_interval(labels, scores)
    assert auc(labels, -scores) == pytest.approx(1 - auc(labels, scores))


@given(patients)
def test_interval_is_delongs_plain_definition(rows: list[tuple[bool, int]]) -> None:
    labels, scores = map(np.array, zip(*rows, strict=True))
    positive, negative = scores[labels], scores[~labels]
    wins = (np.sign(positive[:, None] - negative) + 1) / 2
    variance = wins.mean(axis=1).var(ddof=1) / len(positive) + wins.mean(axis=0).var(ddof=1) / len(negative)
    found = auc_interval(labels, scores)
    margin = 1.959963984540054 * np.sqrt(variance)
    assert found.auc == pytest.approx(wins.mean(), abs=1e-12)
    assert found.ci_low == pytest.approx(max(0, wins.mean() - margin), abs=1e-9)
    assert found.ci_high == pytest.approx(min(1, wins.mean() + margin), abs=1e-9)


@given(patients)
def test_area_under_the_roc_points_is_the_auc(rows: list[tuple[bool, int]]) -> None:
    labels, scores = zip(*rows, strict=True)
    false, true = roc_points(labels, scores)
    assert np.trapezoid(true, false) == pytest.approx(auc(labels, scores), abs=1e-12)
    assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)
    assert (np.diff(false) >= 0).all() and (np.diff(true) >= 0).all()


def test_roc_points_leave_out_what_lies_on_a_line() -> None:
    false, true = roc_points([1, 1, 1, 0, 0], [9, 8, 7, 2, 1])
    assert false.tolist() == [0, 0, 1]
    assert true.tolist() == [0, 1, 1]


def test_logits_rank_what_saturated_probabilities_tie() -> None:
    logits = np.array([50.0, 45.0, 44.0, 40.0])
    labels = [1, 1, 0, 0]
    probabilities = 1 / (1 + np.exp(-logits))
    assert auc(labels, logits) == 1
    assert auc(labels, probabilities) == 0.5


def test_interval_stays_between_0_and_1() -> None:
    found = auc_interval([0, 0, 0, 1, 1], [1, 2, 4, 3, 5])
    assert found.ci_high == 1
    assert 0 <= found.ci_low < found.auc


@pytest.mark.parametrize(
    ("labels", "scores", "sentence"),
    [
        ([1, 1, 1], [1, 2, 3], "3 positive and 0 negative patients"),
        ([], [], "0 positive and 0 negative patients"),
        ([0, 0, 1], [1, 2, 3], "needs two of each"),
        ([0, 1, np.nan], [1, 2, 3], "1 of 3 labels are neither 0 nor 1"),
        ([0, 1, 1], [1, np.nan, 3], "1 of 3 scores are missing"),
        ([0, 1, 1], [1, -np.inf, 3], "1 of 3 scores are missing or infinite"),
        ([0, 1], [1, 2, 3], "one label and one score a patient"),
    ],
)
def test_refusals_say_what_was_given(labels: list[float], scores: list[float], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        auc_interval(labels, scores)
