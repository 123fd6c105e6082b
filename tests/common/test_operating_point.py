"""The operating point against pROC and against counting."""

from __future__ import annotations

from dataclasses import asdict
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.discrimination import at_threshold, youden_threshold
from common.errors import DataError

SHARES = ("sensitivity", "specificity", "ppv", "npv")

patients = st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=2, max_size=40).filter(
    lambda rows: 0 < sum(label for label, _ in rows) < len(rows)
)


@pytest.mark.parametrize("marker", ["wfns", "s100b", "ndka"])
def test_youden_point_is_that_of_proc(asah: pd.DataFrame, r_discrimination: dict[str, Any], marker: str) -> None:
    expected = r_discrimination["aSAH"]["markers"][marker]["youden"]
    threshold = youden_threshold(asah["poor"], asah[marker])
    # pROC cuts half way between two values and so calls the same patients positive
    assert threshold == asah[marker][asah[marker] > expected["threshold"]].min()
    found = at_threshold(asah["poor"], asah[marker], threshold=threshold)
    for name in SHARES:
        assert getattr(found, name).value == pytest.approx(expected[name], rel=1e-12)


@given(patients)
def test_youden_threshold_is_the_highest_of_the_best_scores(rows: list[tuple[bool, int]]) -> None:
    labels, scores = zip(*rows, strict=True)
    positive, negative = sum(labels), len(labels) - sum(labels)

    def youden(threshold: int) -> Fraction:
        called = [label for label, score in rows if score >= threshold]
        return Fraction(sum(called), positive) - Fraction(len(called) - sum(called), negative)

    assert youden_threshold(labels, scores) == max(set(scores), key=lambda score: (youden(score), score))


def test_a_tie_goes_to_the_higher_threshold_whatever_the_rounding() -> None:
    # of 3 and 3 patients, 1/3 - 0/3 at the score 2 and 3/3 - 2/3 at the score 1 are equal, but not in floating point
    assert 1 / 3 - 0 / 3 < 3 / 3 - 2 / 3
    assert youden_threshold([1, 1, 1, 0, 0, 0], [2, 1, 1, 1, 1, 0]) == 2


@given(patients, st.integers(-4, 4))
def test_counts_add_up(rows: list[tuple[bool, int]], threshold: int) -> None:
    labels, scores = map(np.array, zip(*rows, strict=True))
    found = at_threshold(labels, scores, threshold=threshold)
    assert found.true_positive + found.false_negative == labels.sum()
    assert found.true_positive + found.false_positive == (scores >= threshold).sum()
    assert found.true_negative + found.false_positive == (~labels).sum()
    assert found.true_negative + found.false_negative == (scores < threshold).sum()


@given(patients, st.integers(-4, 4))
def test_shares_have_wilsons_interval_or_are_none(rows: list[tuple[bool, int]], threshold: int) -> None:
    labels, scores = map(np.array, zip(*rows, strict=True))
    found = at_threshold(labels, scores, threshold=threshold)
    correct = (found.true_positive, found.true_negative, found.true_positive, found.true_negative)
    wrong = (found.false_negative, found.false_positive, found.false_positive, found.false_negative)
    for name, right, total in zip(SHARES, correct, map(sum, zip(correct, wrong, strict=True)), strict=True):
        share = asdict(getattr(found, name))
        if total == 0:
            assert share == {"value": None, "ci_low": None, "ci_high": None}
            continue
        assert share["value"] == right / total
        assert 0 <= share["ci_low"] <= share["value"] + 1e-12
        assert share["value"] - 1e-12 <= share["ci_high"] <= 1
        # the ends of Wilson's interval are the shares p from which the observed one is 1.96 standard errors away
        for end in (share["ci_low"], share["ci_high"]):
            away = (share["value"] - end) ** 2
            assert away == pytest.approx(1.959963984540054**2 * end * (1 - end) / total, abs=1e-12)


def test_a_score_at_the_threshold_is_positive() -> None:
    found = at_threshold([1, 0], [0.5, 0.4], threshold=0.5)
    assert (found.true_positive, found.true_negative, found.false_positive, found.false_negative) == (1, 1, 0, 0)


def test_keys_are_those_of_the_results() -> None:
    counts = {"true_positive", "false_positive", "true_negative", "false_negative"}
    assert set(asdict(at_threshold([0, 1], [0, 1], threshold=1))) == counts | set(SHARES)


def test_refusals_say_what_was_given() -> None:
    with pytest.raises(DataError, match="both classes are needed"):
        youden_threshold([1, 1], [0.2, 0.3])
    with pytest.raises(DataError, match="1 of 2 scores are missing or infinite"):
        youden_threshold([0, 1], [0.2, np.inf])
    with pytest.raises(DataError, match="both classes are needed"):
        at_threshold([1, 1], [0.2, 0.3], threshold=0.5)
    with pytest.raises(DataError, match="the threshold is no number"):
        at_threshold([0, 1], [0.2, 0.3], threshold=np.nan)


def test_equal_scores_have_one_threshold() -> None:
    assert youden_threshold([0, 1, 0], [0.4, 0.4, 0.4]) == 0.4
