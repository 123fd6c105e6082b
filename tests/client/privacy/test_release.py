"""Noised sums: what one patient can add is bounded, and without noise they are the plain ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from client.privacy.noise import Noise
from client.privacy.release import noised_moments, noised_rank_sums, within_ranges
from common.errors import DataError
from common.pooling import moments, van_elteren

RANGES = {"one": (0.0, 10.0), "two": (-4.0, 4.0), "three": (100.0, 300.0)}
HARDLY = 1e-9


class Silent(Noise):
    """Counts what was asked for and adds nothing."""

    def __init__(self) -> None:
        super().__init__(bytes(32))
        self.asked = 0

    def normal(self, size: int) -> np.ndarray:
        self.asked += size
        return np.zeros(size)


def table(patients: int, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame({name: random.uniform(low, high, patients) for name, (low, high) in RANGES.items()})


def test_without_noise_the_moments_are_the_plain_ones() -> None:
    features, noise = table(60), Silent()
    (found,) = noised_moments([(within_ranges(features, RANGES), RANGES)], noise_multiplier=5.0, noise=noise)
    plain = moments(features.to_numpy())
    assert noise.asked == 6
    assert np.allclose(found.mean, plain.mean) and np.allclose(found.m2, plain.m2) and (found.n == 60).all()


def test_values_beyond_a_range_are_cut_and_missing_ones_stand_in_its_middle() -> None:
    features = pd.DataFrame({"one": [-50.0, 5.0, 99.0, np.nan], "two": [0, 0, 0, 0], "three": [200.0] * 4})
    assert within_ranges(features, RANGES)[:, 0].tolist() == [-1, 0, 1, 0]


def test_a_range_of_an_unknown_feature_is_refused() -> None:
    with pytest.raises(DataError, match=r"privacy.ranges has four, which these radiomics settings do not compute"):
        within_ranges(table(3), {**RANGES, "four": (0.0, 1.0)})


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(0, 2**31), st.integers(1, 40))
def test_one_patient_moves_all_sums_together_by_no_more_than_the_noise_is_measured_by(
    patients: int, seed: int, columns: int
) -> None:
    random = np.random.default_rng(seed)
    values = np.clip(random.normal(0, 2, (patients, columns)), -1, 1)
    sums = [np.concatenate([part.sum(axis=0), (part**2 - 0.5).sum(axis=0)]) for part in (values, values[:-1])]
    assert np.linalg.norm(sums[0] - sums[1]) <= np.sqrt(1.25 * columns) + 1e-9


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=4, max_size=24))
def test_one_patient_moves_a_rank_sum_by_no_more_than_half_the_other_class(patients: list[tuple[int, bool]]) -> None:
    values, labels = (
        np.array([one for one, _ in patients], dtype=float)[:, None],
        np.array([two for _, two in patients]),
    )

    def centred(chosen: np.ndarray) -> float:
        found = noised_rank_sums(values[chosen], labels[chosen].astype(int), noise_multiplier=1.0, noise=Silent())
        return float(found.u[0] - found.n_positive[0] * found.n_negative[0] / 2)

    everybody = np.arange(len(labels))
    most = max(labels.sum(), (~labels).sum()) / 2
    for left_out in everybody:
        assert abs(centred(everybody) - centred(np.delete(everybody, left_out))) <= most + 1e-9


def test_without_noise_the_test_is_mann_whitneys() -> None:
    features, labels = table(40), np.arange(40) % 2
    features["one"] += labels
    values = within_ranges(features, RANGES)
    found = noised_rank_sums(values, labels, noise_multiplier=HARDLY, noise=Silent())
    expected = [
        mannwhitneyu(column[labels == 1], column[labels == 0], method="asymptotic").pvalue for column in values.T
    ]
    assert van_elteren([found]) == pytest.approx(expected, rel=0.02)


def test_p_allows_for_the_noise() -> None:
    """Features without a signal stay below 0.05 as often as they should, in spite of much noise."""
    random, labels = np.random.default_rng(3), np.arange(60) % 2
    values = np.clip(random.normal(0, 0.5, (60, 400)), -1, 1)
    found = noised_rank_sums(values, labels, noise_multiplier=3.0, noise=Noise(bytes(32)))
    assert np.mean(van_elteren([found]) < 0.05) < 0.08


def test_noise_never_leaves_what_sums_can_be() -> None:
    values, labels = np.clip(np.random.default_rng(0).normal(size=(30, 50)), -1, 1), np.arange(30) % 2
    ranks = noised_rank_sums(values, labels, noise_multiplier=50.0, noise=Noise(bytes(32)))
    assert ((ranks.u >= 0) & (ranks.u <= 225)).all()
    ranges = {str(column): (0.0, 2.0) for column in range(50)}
    (found,) = noised_moments([(values, ranges)], noise_multiplier=50.0, noise=Noise(bytes(32)))
    assert ((found.mean >= 0) & (found.mean <= 2)).all() and (found.m2 > 0).all()
