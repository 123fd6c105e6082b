"""Curves from binned counts against Kaplan-Meier of all patients."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter
from lifelines.datasets import load_lung

from common.errors import DataError
from common.pooling import SurvivalCounts, bin_counts, binned_kaplan_meier, merge_counts, withheld

Patients = tuple[np.ndarray, np.ndarray]
MONTHS = range(0, 1111, 30)


def cohort(seed: int, number: int = 96) -> Patients:
    """Days and progressed of an immunotherapy cohort: a median near 200 days, a third censored."""
    random = np.random.default_rng(seed)
    progression, censoring = random.exponential(290, number), random.uniform(60, 1100, number)
    return np.ceil(np.minimum(progression, censoring)), progression <= censoring


def exact(patients: Patients) -> KaplanMeierFitter:
    return KaplanMeierFitter().fit(*patients)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 40), st.booleans()), min_size=1, max_size=60))
def test_bins_of_one_day_are_kaplan_meier(rows: list[tuple[int, bool]]) -> None:
    days, progressed = map(np.array, zip(*rows, strict=True))
    found, expected = binned_kaplan_meier(bin_counts(days, progressed, edges=range(42))), exact((days, progressed))
    survival = expected.survival_function_at_times(found.days).to_numpy()
    np.testing.assert_allclose(found.survival, survival, atol=1e-12)
    bounds = expected.confidence_interval_.apply(lambda bound: bound.fillna(expected.survival_function_.iloc[:, 0]))
    for name, bound in zip(("ci_low", "ci_high"), bounds.to_numpy().T, strict=True):
        place = np.searchsorted(bounds.index, found.days, side="right") - 1
        np.testing.assert_allclose(getattr(found, name), bound[place], atol=1e-9)
    assert found.at_risk == tuple((days > day).sum() for day in found.days)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 100_000))
def test_bins_of_30_days_are_close_to_kaplan_meier(seed: int) -> None:
    patients = cohort(seed)
    found = binned_kaplan_meier(bin_counts(*patients, edges=MONTHS))
    survival = exact(patients).survival_function_at_times(found.days).to_numpy()
    # where few are left each of them is a large step
    many = np.array(found.at_risk) >= 10
    assert many.sum() > 10
    np.testing.assert_allclose(np.array(found.survival)[many], survival[many], atol=0.01)


def test_real_patients_in_bins_of_30_days() -> None:
    lung = load_lung()
    patients = lung["time"].to_numpy(), lung["status"].to_numpy()
    found = binned_kaplan_meier(bin_counts(*patients, edges=MONTHS))
    expected = exact(patients)
    difference = np.abs(np.array(found.survival) - expected.survival_function_at_times(found.days).to_numpy())
    print(f"NCCTG lung, 228 patients, 30 days: largest difference from Kaplan-Meier {difference.max():.4f}")
    assert difference.max() < 0.005
    assert (found.days[0], found.survival[0], found.at_risk[0]) == (0, 1, 228)


def test_a_life_table_by_hand() -> None:
    # 2 of 10 progress and 4 are censored in the first interval of 2 days: 10 - 4 / 4 = 9 exposed; then 2 of 4
    found = binned_kaplan_meier(SurvivalCounts((0, 2, 3), (2, 2), (4, 2), n=10))
    assert found.survival == pytest.approx((1, 7 / 9, 7 / 18))
    assert found.at_risk == (10, 4, 0)


def test_sites_with_the_same_edges_are_added() -> None:
    one, other = cohort(1), cohort(2, 40)
    both = tuple(np.concatenate(part) for part in zip(one, other, strict=True))
    found = merge_counts([bin_counts(*part, edges=MONTHS) for part in (one, other)])
    assert found == bin_counts(*both, edges=MONTHS)


def test_four_small_sites_withheld_and_merged_stay_close() -> None:
    largest = []
    for seed in range(200):
        patients = cohort(seed)
        parts = [tuple(column[place::4] for column in patients) for place in range(4)]
        counts = [withheld(bin_counts(*part, edges=MONTHS), minimum_count=10) for part in parts]
        found = binned_kaplan_meier(merge_counts([one for one in counts if one is not None]))
        early = np.array(found.days) <= 750
        survival = exact(patients).survival_function_at_times(np.array(found.days)[early]).to_numpy()
        largest.append(np.abs(np.array(found.survival)[early] - survival).max())
    print(f"4 sites x 24, at least 10 an interval: largest difference until day 750, mean {np.mean(largest):.3f}")
    assert np.mean(largest) < 0.12


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 100_000), st.integers(1, 60), st.integers(1, 15))
def test_no_interval_that_travels_holds_few_patients(seed: int, number: int, least: int) -> None:
    counts = bin_counts(*cohort(seed, number), edges=MONTHS)
    found = withheld(counts, minimum_count=least)
    if number < least:
        assert found is None
        return
    assert found is not None
    assert min(np.add(found.events, found.censored)) >= least
    assert (sum(found.events), sum(found.censored), found.n) == (sum(counts.events), sum(counts.censored), number)
    assert set(found.edges) <= set(counts.edges)
    assert (found.edges[0], found.edges[-1]) == (counts.edges[0], counts.edges[-1])


def test_edges_belong_to_the_interval_before_and_late_patients_are_censored() -> None:
    found = bin_counts([0, 30, 31, 60, 61, 900], [1, 1, 1, 0, 1, 1], edges=[0, 30, 60])
    assert (found.events, found.censored, found.n) == ((2, 1), (0, 3), 6)


def test_a_wider_interval_is_spread_over_its_days() -> None:
    found = merge_counts([SurvivalCounts((0, 90), (6,), (3,), 9), SurvivalCounts((0, 30, 90), (1, 2), (0, 4), 7)])
    assert found == SurvivalCounts((0, 30, 90), (3, 6), (1, 6), 16)


def test_refusals_say_what_was_given() -> None:
    with pytest.raises(DataError, match="counts until no days"):
        merge_counts([])
    with pytest.raises(DataError, match=r"counts until \[60, 90\] days"):
        merge_counts([SurvivalCounts((0, 60), (1,), (1,), 2), SurvivalCounts((0, 90), (1,), (1,), 2)])
    for edges in ([0], [30, 60], [0, 60, 30]):
        with pytest.raises(DataError, match="edges of intervals"):
            bin_counts([1], [1], edges=edges)
    with pytest.raises(DataError, match="1 of 2 follow-up times are negative or missing"):
        bin_counts([1, -1], [1, 1], edges=[0, 30])
    with pytest.raises(DataError, match="no patients"):
        binned_kaplan_meier(bin_counts([], [], edges=[0, 30]))
