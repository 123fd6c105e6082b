"""The pooled AUC from summaries against the AUC of all patients' scores."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.discrimination import AucInterval, auc, auc_interval
from common.errors import DataError
from common.pooling import ScoreSummary, pooled_auc, score_summary, within_site_auc

Site = tuple[np.ndarray, np.ndarray]

scores = st.one_of(st.integers(-3, 3).map(float), st.floats(-1e6, 1e6))
patients = st.lists(st.tuples(st.booleans(), scores), min_size=1, max_size=30)
many_sites = st.lists(patients, min_size=1, max_size=5).filter(
    lambda found: 2 <= sum(row[0] for site in found for row in site) <= sum(map(len, found)) - 2
)


def sites(
    seed: int, *, patients: int, number: int = 4, separation: float = 1.0, shift: float = 0.5, scale: float = 1.0
) -> list[Site]:
    """Labels and normal scores of several sites, each with a shift of its own."""
    random = np.random.default_rng(seed)
    labels = random.random((number, patients)) < 0.4
    noise = random.normal(size=labels.shape) + shift * random.normal(size=(number, 1))
    return list(zip(labels, scale * (separation * labels + noise), strict=True))


def summaries(of: list[Site], *, minimum_count: int = 10) -> list[ScoreSummary]:
    return [score_summary(*site, minimum_count=minimum_count) for site in of]


def truth(of: list[Site]) -> AucInterval:
    return auc_interval(*(np.concatenate(part) for part in zip(*of, strict=True)))


@settings(max_examples=300, deadline=None)
@given(many_sites, st.integers(1, 12))
def test_bounds_hold_whatever_the_scores(rows: list[list[tuple[bool, float]]], minimum_count: int) -> None:
    of = [(np.array([row[0] for row in site]), np.array([row[1] for row in site])) for site in rows]
    found, true = pooled_auc(summaries(of, minimum_count=minimum_count)), truth(of)
    assert found.lowest - 1e-12 <= true.auc <= found.highest + 1e-12
    assert found.lowest - 1e-12 <= found.auc <= found.highest + 1e-12
    assert abs(found.auc - true.auc) <= found.error_bound + 1e-12
    assert 0 <= found.ci_low <= found.auc + 1e-12
    assert found.auc - 1e-12 <= found.ci_high <= 1
    assert (found.n, found.n_positive) == (true.n, true.n_positive)


@settings(max_examples=200, deadline=None)
@given(patients, st.integers(1, 12))
def test_bins_hold_enough_patients_and_edges_are_nobodys_score(rows: list[tuple[bool, float]], least: int) -> None:
    labels, logits = map(np.array, zip(*rows, strict=True))
    found = score_summary(labels, logits, minimum_count=least)
    held = np.add(found.positive, found.negative)
    assert held.sum() == len(rows)
    assert held.size == 1 or held.min() >= least
    assert not set(found.edges) & set(logits.tolist())
    assert (np.diff(found.edges) > 0).all()
    assert held.tolist() == np.diff([0, *np.searchsorted(np.sort(logits), found.edges), len(rows)]).tolist()
    assert (found.ends is None) == (len(rows) < least)


def test_what_leaves_a_site() -> None:
    logits = np.concatenate([np.linspace(-2.003, -1.003, 10), np.linspace(1.001, 2.001, 11)])
    found = score_summary(np.arange(21) % 2, logits, minimum_count=10)
    assert (found.edges, found.positive, found.negative) == ((0.0,), (5, 5), (5, 6))
    # twice as far from the edge as the mean of the outer bin
    assert found.ends == pytest.approx((-3.006, 3.002))
    assert score_summary([0, 1], [0.0, 1.0], minimum_count=10) == ScoreSummary(
        1, 1, 1.0, 0.0, 0.0, (), (1,), (1,), None
    )


def test_edges_have_two_decimals_unless_patients_are_too_close() -> None:
    far, near = np.array([0.1234567, 0.2345678]), np.array([0.12341, 0.12342])
    assert score_summary([0, 1], far, minimum_count=1).edges == (0.18,)
    assert score_summary([0, 1], near, minimum_count=1).edges == (0.123415,)
    assert score_summary([0, 1], [0.5, 0.5 + 1e-9], minimum_count=1).edges == ()


@pytest.mark.parametrize(
    ("patients", "separation", "shift", "scale", "typical", "largest"),
    [
        (24, 1, 0, 1, 0.01, 0.05),
        (24, 1, 1, 1, 0.012, 0.05),
        (24, 2, 0.5, 3, 0.012, 0.07),
        (100, 1, 0.5, 1, 0.003, 0.01),
    ],
)
def test_the_estimate_is_close(
    patients: int, separation: float, shift: float, scale: float, typical: float, largest: float
) -> None:
    errors, widths, within, bounds = [], [], [], []
    for seed in range(200):
        of = sites(seed, patients=patients, separation=separation, shift=shift, scale=scale)
        parts, true = summaries(of), truth(of)
        found = pooled_auc(parts)
        errors.append(abs(found.auc - true.auc))
        widths.append((found.ci_high - found.ci_low) / (true.ci_high - true.ci_low))
        within.append(abs(within_site_auc(parts) - true.auc))
        bounds.append(found.error_bound)
    print(
        f"4 sites x {patients}, separation {separation}, shift {shift}, scale {scale}: |auc - true| mean "
        f"{np.mean(errors):.4f}, largest {np.max(errors):.4f}; within-site AUC {np.mean(within):.4f}; bound "
        f"{np.mean(bounds):.3f}; interval {np.mean(widths):.3f} of DeLong's"
    )
    assert np.mean(errors) < typical
    assert np.max(errors) < largest
    assert np.mean(errors) < np.mean(within)
    assert 0.95 < np.mean(widths) < 1.1


def test_bins_of_single_patients_give_delongs_interval() -> None:
    of = sites(3, patients=24)
    found, true = pooled_auc(summaries(of, minimum_count=1)), truth(of)
    # patients of different sites between the same edges stay undecided
    assert found.auc == pytest.approx(true.auc, abs=0.005)
    assert (found.ci_low, found.ci_high) == pytest.approx((true.ci_low, true.ci_high), abs=0.005)


def test_one_site_is_its_own_auc(asah: pd.DataFrame) -> None:
    expected = auc_interval(asah["poor"], asah["s100b"])
    found = pooled_auc([score_summary(asah["poor"], asah["s100b"], minimum_count=10)])
    assert found.auc == found.lowest == found.highest == pytest.approx(expected.auc, abs=1e-12)
    assert (found.ci_low, found.ci_high) == pytest.approx((expected.ci_low, expected.ci_high), abs=1e-9)
    assert found.error_bound == 0


def test_real_patients_over_four_sites(asah: pd.DataFrame) -> None:
    order = np.random.default_rng(0).permutation(len(asah))
    labels, logits = asah["poor"].to_numpy()[order], np.log(asah["s100b"].to_numpy()[order])
    of = list(zip(np.array_split(labels, 4), np.array_split(logits, 4), strict=True))
    assert pooled_auc(summaries(of)).auc == pytest.approx(auc(labels, logits), abs=0.02)


def test_within_sites_a_shift_does_not_matter() -> None:
    one, (labels, logits) = sites(1, patients=30, number=2)
    found = [within_site_auc(summaries([one, (labels, logits + shift)])) for shift in (0.0, 50.0)]
    assert found[0] == found[1] != pytest.approx(pooled_auc(summaries([one, (labels, logits + 50)])).auc, abs=0.01)


def test_sites_with_one_class_meet_in_the_bins() -> None:
    low, high = (np.zeros(12), np.linspace(-2, -1, 12)), (np.ones(12), np.linspace(1, 2, 12))
    parts = summaries([low, high])
    assert [part.u for part in parts] == [0, 0]
    # a single bin is open: nothing is decided for certain
    found = pooled_auc(parts)
    assert (found.auc, found.lowest, found.highest) == (1, 0, 1)
    with pytest.raises(DataError, match="none of 2 sites has both classes"):
        within_site_auc(parts)


def test_equal_scores_are_ties() -> None:
    of = [(np.arange(20) % 2, np.full(20, 0.3))] * 2
    assert pooled_auc(summaries(of)).auc == pytest.approx(0.5)


def test_a_summary_is_plain_numbers() -> None:
    content: dict[str, Any] = asdict(score_summary(*sites(1, patients=40)[0], minimum_count=10))
    numbers = [one for value in content.values() for one in (value if isinstance(value, tuple) else (value,))]
    assert {type(number) for number in numbers} == {int, float}
    assert np.isfinite(numbers).all()


def test_refusals_say_what_was_given() -> None:
    part = score_summary([0, 1, 0, 1], [1.0, 2, 3, 4], minimum_count=2)
    for wrong in (
        replace(part, n_positive=3),
        replace(part, edges=(1.0, 2.0)),
        replace(part, u=5.0),
        replace(part, edges=(np.inf,)),
    ):
        with pytest.raises(DataError, match="contradicts its bins"):
            pooled_auc([wrong])
    with pytest.raises(DataError, match="no site gave a summary"):
        pooled_auc([])
    with pytest.raises(DataError, match="two of each are needed"):
        pooled_auc([score_summary([0, 1], [1.0, 2], minimum_count=1)])
    with pytest.raises(DataError, match="1 of 2 scores are missing"):
        score_summary([0, 1], [1.0, np.nan], minimum_count=1)
    with pytest.raises(DataError, match="a minimum of 0 patients"):
        score_summary([0, 1], [1.0, 2], minimum_count=0)
    with pytest.raises(DataError, match="at least one patient"):
        score_summary([], [], minimum_count=1)
