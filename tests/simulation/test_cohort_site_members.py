"""Whole numbers of patients at each site: in proportion, within limits, and together exactly what there is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulation.cohort.published_counts import largest_remainder
from simulation.cohort.site_members import apportion, expected_positives


def test_shares_stay_within_their_limits() -> None:
    high = np.array([2, 9, 9])
    assert list(apportion(np.array([5.0, 3.0, 1.0]), total=10, low=1, high=high)) == [2, 6, 2]
    assert list(apportion(np.array([5.0, 1.0, 1e-9]), total=10, low=1, high=high)) == [2, 7, 1]
    assert list(apportion(np.array([5.0, 1.0, 1e-9]), total=20, low=0, high=high)) == [2, 9, 9]
    assert list(apportion(np.array([1.0, 1.0, 1.0]), total=4, low=0, high=high)) == [2, 1, 1]
    assert list(apportion(np.array([1.0, 1.0, 1.0]), total=0, low=0, high=high)) == [0, 0, 0]
    sizes = np.array([10, 20])
    assert list(expected_positives(sizes, np.array([-1.0, 1.0]), positives=30)) == [10, 20]
    assert expected_positives(sizes, np.zeros(2), positives=6) == pytest.approx([2, 4])


@given(wanted=st.lists(st.floats(1e-9, 1e3), min_size=1, max_size=64), low=st.integers(0, 2), share=st.floats(0, 1))
def test_shares_add_up_within_any_limits(wanted: list[float], low: int, share: float) -> None:
    high = low + np.arange(len(wanted)) % 40
    total = low * len(wanted) + round(share * int((high - low).sum()))
    shares = apportion(np.array(wanted) * (high > 0), total=total, low=low, high=high)
    assert shares.sum() == total
    assert ((shares >= low) & (shares <= high)).all()


@given(wanted=st.lists(st.integers(1, 500), min_size=1, max_size=64), total=st.integers(0, 3000))
def test_without_limits_no_share_is_a_patient_away_from_its_proportion(wanted: list[int], total: int) -> None:
    shares = apportion(np.array(wanted, dtype=float), total=total, low=0, high=np.full(len(wanted), total))
    assert np.abs(shares - np.array(wanted) * total / sum(wanted)).max() < 1 + 1e-6
    assert np.abs(shares - largest_remainder(wanted, total=total)).max() <= 1
