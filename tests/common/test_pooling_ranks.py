"""The van Elteren test against scipy's Mann-Whitney test, permutations and shifts between sites."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest, mannwhitneyu

from client.selection import mann_whitney
from common.errors import DataError
from common.pooling import rank_sums, van_elteren


def site(seed: int, patients: int = 24, features: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Features with gaps and ties, two of them constant, the first half of them related to the labels."""
    random = np.random.default_rng(seed)
    labels = np.arange(patients) % 3 == 0
    values = random.normal(size=(patients, features))
    values[:, : features // 2] += labels[:, None]
    values[:, ::2] = values[:, ::2].round()
    values[random.random(values.shape) < 0.1] = np.nan
    values[:, -1], values[:, -2] = 3.0, np.where(labels, 1.5, np.nan)
    return values, labels


@pytest.mark.filterwarnings("ignore:After omitting NaNs")
@settings(max_examples=60, deadline=None)
@given(st.integers(0, 100_000), st.integers(4, 300))
def test_one_site_is_the_mann_whitney_test(seed: int, patients: int) -> None:
    values, labels = site(seed, patients)
    expected = mann_whitney(pd.DataFrame(values), labels.astype(int)).to_numpy()
    found = van_elteren([rank_sums(values, labels)])
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert found[-2:].tolist() == [1, 1]


def test_u_and_counts_are_scipys() -> None:
    values, labels = site(3)
    found = rank_sums(values, labels)
    for place, column in enumerate(values.T[:-2]):
        positive, negative = (column[group & ~np.isnan(column)] for group in (labels, ~labels))
        assert found.u[place] == mannwhitneyu(positive, negative).statistic
        assert (found.n_positive[place], found.n_negative[place]) == (positive.size, negative.size)


def test_p_is_that_of_labels_permuted_within_sites() -> None:
    random = np.random.default_rng(5)
    # whether a value is missing must not depend on the label here
    blocks = [(np.nan_to_num(values), labels) for values, labels in (site(1, 12), site(2, 15), site(3, 9))]
    observed = distance(blocks)
    permuted = [distance([(values, random.permutation(labels)) for values, labels in blocks]) for _ in range(2000)]
    reference = (np.array(permuted) >= observed - 1e-9).mean(axis=0)
    np.testing.assert_allclose(van_elteren([rank_sums(*block) for block in blocks])[:-2], reference[:-2], atol=0.025)


def distance(blocks: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Van Elteren's statistic, as plain as it is printed."""
    parts = [rank_sums(*block) for block in blocks]
    excess = [(part.u - part.n_positive * part.n_negative / 2) for part in parts]
    weights = [1 / (len(labels) + 1) for _, labels in blocks]
    return np.abs(np.einsum("s,sk->k", weights, np.array(excess)))


def test_p_is_uniform_without_a_difference() -> None:
    random = np.random.default_rng(7)
    parts = [rank_sums(random.normal(size=(40, 400)) + shift, np.arange(40) % 3 == 0) for shift in (0, 2, 5)]
    assert kstest(van_elteren(parts), "uniform").pvalue > 0.01


def test_the_order_of_sites_does_not_matter() -> None:
    parts = [rank_sums(*site(seed, patients)) for seed, patients in ((1, 24), (2, 50), (3, 11))]
    np.testing.assert_allclose(van_elteren(parts), van_elteren(parts[::-1]), rtol=1e-12)


@pytest.mark.filterwarnings("ignore:After omitting NaNs")
def test_a_shift_of_one_site_changes_nothing_but_the_pooled_test() -> None:
    (one, labels), (other, other_labels) = site(1), site(2)
    shifted = other + 1000
    found = van_elteren([rank_sums(one, labels), rank_sums(other, other_labels)])
    np.testing.assert_array_equal(van_elteren([rank_sums(one, labels), rank_sums(shifted, other_labels)]), found)
    both = np.concatenate([labels, other_labels]).astype(int)
    pooled = [mann_whitney(pd.DataFrame(np.vstack([one, last])), both) for last in (other, shifted)]
    assert (np.abs(pooled[0] - pooled[1])[:-2] > 0).all()


def test_a_site_that_cannot_compare_contributes_nothing() -> None:
    values, labels = site(1)
    part = rank_sums(values, labels)
    empty = rank_sums(values, np.zeros(len(values)))
    constant = rank_sums(np.full((5, 12), 2.0), [0, 1, 0, 1, 1])
    np.testing.assert_array_equal(van_elteren([part, empty, constant]), van_elteren([part]))
    assert van_elteren([empty, constant]).tolist() == [1] * 12


def test_a_feature_that_few_patients_have_is_emptied() -> None:
    values, labels = site(1)
    values[5:, 0] = np.nan
    part = rank_sums(values, labels).guarded(minimum_count=10)
    assert (part.n_positive[0], part.n_negative[0], part.u[0], part.tie_term[0]) == (0, 0, 0, 0)
    found, whole = van_elteren([part]), van_elteren([rank_sums(values, labels)])
    assert found[0] == 1
    np.testing.assert_array_equal(found[1:-2], whole[1:-2])


def test_refusals_say_what_was_given() -> None:
    values, labels = site(1)
    with pytest.raises(DataError, match="parts of no columns"):
        van_elteren([])
    with pytest.raises(DataError, match=r"parts of \[11, 12\] columns"):
        van_elteren([rank_sums(values, labels), rank_sums(values[:, 1:], labels)])
    with pytest.raises(DataError, match="1 of 3 labels are neither 0 nor 1"):
        rank_sums(np.ones((3, 1)), [0, 1, 2])
    with pytest.raises(DataError, match="one label a patient"):
        rank_sums(values, labels[1:])
