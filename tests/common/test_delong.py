"""DeLong's paired test against pROC and against its plain definition."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.discrimination import PairedDelong, paired_delong
from common.errors import DataError

patients = st.lists(st.tuples(st.booleans(), st.integers(-3, 3), st.integers(-3, 3)), min_size=4, max_size=40).filter(
    lambda rows: 2 <= sum(row[0] for row in rows) <= len(rows) - 2
)


def same_as_r(found: PairedDelong, expected: dict[str, float]) -> None:
    for name, value in expected.items():
        assert getattr(found, name) == pytest.approx(value, rel=1e-10), name


def plain_delong(labels: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Difference of the areas and its variance by comparing every positive with every negative patient."""
    gained = np.zeros((int(labels.sum()), int((~labels).sum())))
    for scores, sign in ((first, 1), (second, -1)):
        gained += sign * (np.sign(scores[labels][:, None] - scores[~labels]) + 1) / 2
    variance = sum(gained.mean(axis=1 - axis).var(ddof=1) / gained.shape[axis] for axis in (0, 1))
    return float(gained.mean()), float(variance)


@pytest.mark.parametrize("pair", ["wfns_s100b", "wfns_ndka", "s100b_ndka"])
def test_paired_test_is_that_of_proc(asah: pd.DataFrame, r_discrimination: dict[str, Any], pair: str) -> None:
    first, second = pair.split("_")
    found = paired_delong(asah["poor"], asah[first], asah[second])
    same_as_r(found, r_discrimination["aSAH"]["delong"][pair])


def test_interval_has_the_covariance_of_proc(asah: pd.DataFrame, r_discrimination: dict[str, Any]) -> None:
    expected = r_discrimination["aSAH"]
    variances = [expected["markers"][name]["variance"] for name in ("wfns", "s100b")]
    margin = 1.959963984540054 * (sum(variances) - 2 * expected["covariance_wfns_s100b"]) ** 0.5
    found = paired_delong(asah["poor"], asah["wfns"], asah["s100b"])
    assert found.difference == found.auc_first - found.auc_second
    assert (found.ci_low, found.ci_high) == pytest.approx(
        (found.difference - margin, found.difference + margin), rel=1e-10
    )


def test_two_logistic_models_differ_as_in_proc(asah: pd.DataFrame, r_discrimination: dict[str, Any]) -> None:
    weights = r_discrimination["aSAH"]["model_s100b_wfns_age"]["coefficients"]
    large = sum(weights[name] * asah[name] for name in ("s100b", "wfns", "age"))
    # a model of one marker ranks patients as the marker does
    same_as_r(paired_delong(asah["poor"], asah["s100b"], large), r_discrimination["aSAH"]["delong_models"])


def test_published_cohort(pd1_trial: pd.DataFrame, r_discrimination: dict[str, Any]) -> None:
    known = pd1_trial[pd1_trial["PDL1_SCORE"].notna()]
    found = paired_delong(known["benefit"], known["PDL1_SCORE"], known["TMB_NONSYNONYMOUS"])
    same_as_r(found, r_discrimination["nsclc_pd1_msk_2018"]["delong_pdl1_tmb"])


@given(patients)
def test_paired_test_is_delongs_plain_definition(rows: list[tuple[bool, int, int]]) -> None:
    labels, first, second = map(np.array, zip(*rows, strict=True))
    difference, variance = plain_delong(labels, first, second)
    if variance < 1e-20 and abs(difference) > 1e-9:
        with pytest.raises(DataError, match="no variance"):
            paired_delong(labels, first, second)
        return
    found = paired_delong(labels, first, second)
    assert np.isfinite(list(asdict(found).values())).all()
    assert found.difference == pytest.approx(difference, abs=1e-12)
    assert found.z == pytest.approx(difference / variance**0.5 if variance > 1e-20 else 0, abs=1e-9)
    assert found.ci_high - found.difference == pytest.approx(1.959963984540054 * variance**0.5, abs=1e-9)


@given(patients)
def test_exchanging_the_scores_exchanges_the_sign(rows: list[tuple[bool, int, int]]) -> None:
    labels, first, second = map(np.array, zip(*rows, strict=True))
    if plain_delong(labels, first, second)[1] < 1e-20:
        return
    one, other = paired_delong(labels, first, second), paired_delong(labels, second, first)
    assert (one.difference, one.z, one.p) == pytest.approx((-other.difference, -other.z, other.p), abs=1e-12)
    assert (one.ci_low, one.ci_high) == pytest.approx((-other.ci_high, -other.ci_low), abs=1e-12)


@given(patients)
def test_scores_that_rank_alike_do_not_differ(rows: list[tuple[bool, int, int]]) -> None:
    labels, first, _ = map(np.array, zip(*rows, strict=True))
    found = paired_delong(labels, first, np.exp(first))
    assert (found.difference, found.ci_low, found.ci_high, found.z, found.p) == (0, 0, 0, 0, 1)


def test_a_difference_without_variance_is_no_p_of_1() -> None:
    with pytest.raises(DataError, match="differ by 1 and no patient varies from that"):
        paired_delong([0, 0, 1, 1], [1, 2, 3, 4], [4, 3, 2, 1])


def test_a_narrower_level_is_a_narrower_interval(asah: pd.DataFrame) -> None:
    wide, narrow = (paired_delong(asah["poor"], asah["wfns"], asah["ndka"], level=level) for level in (0.95, 0.8))
    assert wide.ci_low < narrow.ci_low < narrow.difference < narrow.ci_high < wide.ci_high


@pytest.mark.parametrize(
    ("labels", "first", "second", "sentence"),
    [
        ([0, 0, 0], [1, 2, 3], [1, 2, 3], "both classes are needed"),
        ([0, 0, 1], [1, 2, 3], [1, 2, 3], "needs two of each"),
        ([0, 0, 1, 1], [1, 2, 3, 4], [1, 2, np.nan, 4], "1 of 4 scores are missing"),
        ([0, 0, 1, 1], [1, 2, 3, 4], [1, 2, 3], "one label and one score a patient"),
    ],
)
def test_refusals_say_what_was_given(labels: list[int], first: list[float], second: list[float], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        paired_delong(labels, first, second)
