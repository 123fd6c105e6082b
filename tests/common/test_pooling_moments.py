"""Pooled means, deviations and correlations against those of one table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import DataError
from common.pooling import co_moments, merge, merge_co_moments, moments, prune
from common.scaling import Scaling, fit_scaling


def table(seed: int, patients: int = 96) -> np.ndarray:
    """Columns as radiomics has them: tiny, huge, far from 0, with gaps, of whole numbers, constant."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(patients, 6)) * [1e-9, 1e9, 1, 1, 1, 0] + [0, 0, 1e8, 3, 0, 7]
    values[:, 4] = random.integers(0, 3, patients)
    values[random.random(patients) < 0.3, 3] = np.nan
    return values


def sites(values: np.ndarray, seed: int, number: int = 4) -> list[np.ndarray]:
    cuts = np.sort(np.random.default_rng(seed).choice(np.arange(1, len(values)), number - 1, replace=False))
    return np.split(values, cuts)


def same(found: Scaling, expected: Scaling) -> None:
    np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-9, atol=1e-20)
    np.testing.assert_allclose(found.deviation, expected.deviation, rtol=1e-9)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 100_000))
def test_pooled_scaling_is_that_of_one_table(seed: int) -> None:
    values = table(seed)
    parts = [moments(part) for part in sites(values, seed)]
    same(merge(parts).scaling(), fit_scaling(values))
    same(merge([merge(parts[2:]), merge(parts[:2])]).scaling(), fit_scaling(values))
    assert merge(parts).n.tolist() == (~np.isnan(values)).sum(axis=0).tolist()


def test_sites_far_apart_are_pooled_exactly() -> None:
    values = table(0) + np.repeat([0.0, 1e6, -1e6, 3e5], 24)[:, None]
    same(merge([moments(part) for part in np.split(values, 4)]).scaling(), fit_scaling(values))


def test_without_the_rest_of_the_mean_there_are_eight_digits() -> None:
    values = table(14762)
    parts = [replace(moments(part), mean_rest=0.0) for part in sites(values, 14762)]
    np.testing.assert_allclose(merge(parts).scaling().deviation, fit_scaling(values).deviation, rtol=1e-8)


def test_a_column_without_values_or_spread_is_left_as_it_is() -> None:
    values = np.column_stack([np.full(30, np.nan), np.full(30, 0.1), np.arange(30.0)])
    found = merge([moments(part) for part in np.split(values, 3)]).scaling()
    assert found.mean.tolist() == [0, 0.1, 14.5]
    assert found.deviation[:2].tolist() == [1, 1]


def test_a_site_without_a_column_does_not_count_there() -> None:
    one, other = np.array([[1.0, 5], [3, 5]]), np.array([[np.nan, 7]])
    found = merge([moments(other), moments(one)])
    assert (found.n.tolist(), found.mean.tolist()) == ([2, 3], pytest.approx([2, 17 / 3]))


def test_a_column_that_few_patients_have_is_emptied() -> None:
    values = np.column_stack([np.arange(12.0), [5.5] + [np.nan] * 11])
    found = moments(values).guarded(minimum_count=10)
    assert (found.n.tolist(), found.mean.tolist()) == ([12, 0], [5.5, 0])
    other = np.arange(20.0).reshape(10, 2)
    merged = merge([found, moments(other)]).scaling()
    assert (merged.mean[1], merged.deviation[1]) == pytest.approx((other[:, 1].mean(), other[:, 1].std()))


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 100_000))
def test_correlations_are_those_of_one_table(seed: int) -> None:
    random = np.random.default_rng(seed)
    values = random.normal(size=(60, 3)) @ random.normal(size=(3, 5)) + 1e4 * random.normal(size=5)
    values[30:] += random.normal(size=5)
    parts = [co_moments(part) for part in sites(values, seed)]
    found = merge_co_moments(parts)
    assert found.n == 60
    np.testing.assert_allclose(found.correlation(), np.corrcoef(values.T), atol=1e-9)
    np.testing.assert_allclose(merge_co_moments(parts[::-1]).cross, found.cross, rtol=1e-9, atol=1e-9)


def test_gaps_are_the_sites_mean_and_a_missing_column_the_pooled_one() -> None:
    random = np.random.default_rng(1)
    values = random.normal(size=(40, 3))
    values[3, 0], values[20:, 1], values[:, 2] = np.nan, np.nan, 5
    filled = values.copy()
    filled[3, 0] = np.nanmean(values[:20, 0])
    filled[20:, 1] = values[:20, 1].mean()
    found = merge_co_moments([co_moments(values[:20]), co_moments(values[20:])]).correlation()
    assert found[0, 1] == pytest.approx(np.corrcoef(filled[:, 0], filled[:, 1])[0, 1], abs=1e-12)
    assert found[2].tolist() == [0, 0, 1]


def test_of_correlated_features_the_smallest_p_stays() -> None:
    p_values = pd.Series({"a": 0.03, "b": 0.01, "c": 0.02, "d": 0.01})
    correlation = np.eye(4)
    correlation[0, 1] = correlation[1, 0] = 0.95
    correlation[1, 2] = correlation[2, 1] = -0.97
    correlation[1, 3] = correlation[3, 1] = 0.9
    # a is close to b and c, but c is gone already
    assert prune(p_values, correlation, limit=0.9) == ["b", "d"]
    assert prune(p_values, correlation, limit=0.89) == ["b"]
    assert prune(p_values, correlation, limit=1) == ["a", "b", "c", "d"]


def test_a_pruned_feature_prunes_no_other() -> None:
    correlation = np.array([[1, 0.95, 0.5], [0.95, 1, 0.95], [0.5, 0.95, 1]])
    assert prune(pd.Series({"a": 0.01, "b": 0.02, "c": 0.03}), correlation, limit=0.9) == ["a", "c"]


def test_refusals_say_what_was_given() -> None:
    with pytest.raises(DataError, match="parts of no columns"):
        merge([])
    with pytest.raises(DataError, match=r"parts of \[2, 3\] columns"):
        merge([moments(np.ones((2, 2))), moments(np.ones((2, 3)))])
    with pytest.raises(DataError, match="1 of 2 values are infinite"):
        moments([[1.0, np.inf]])
    with pytest.raises(DataError, match="one row a patient"):
        co_moments([1.0, 2.0])
    with pytest.raises(DataError, match="give one column a p-value"):
        prune(pd.Series([0.1, 0.2]), np.eye(3), limit=0.9)
    with pytest.raises(DataError, match="a limit of 0 on correlations"):
        prune(pd.Series([0.1]), np.eye(1), limit=0)
    with pytest.raises(DataError, match="are missing"):
        prune(pd.Series([np.nan]), np.eye(1), limit=0.5)
