"""The search of a cut-off against R's maxstat, and that its corrected p is a p."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines.statistics import logrank_test
from scipy.stats import kstest

from common.errors import DataError
from common.survival import search_cutoff, subset_permutation_p
from common.survival.cutoff import logrank_scores

ROOT = Path(__file__).parents[2]
TRIAL = ROOT.parent / "shared" / "data" / "clinical" / "nsclc_pd1_msk_2018"
REFERENCE = json.loads((ROOT / "tests" / "reference" / "r_survival.json").read_text("utf-8"))


def cohort(seed: int, number: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Days, progressed and a score that knows nothing of them."""
    random = np.random.default_rng(seed)
    return random.exponential(300, number), random.uniform(size=number) < 0.6, random.normal(size=number)


def test_dlbcl_as_in_maxstat(dlbcl: pd.DataFrame) -> None:
    found, expected = search_cutoff(dlbcl["time"], dlbcl["cens"], dlbcl["MGE"], permutations=10_000, seed=1), REFERENCE
    assert found.statistic == pytest.approx(expected["DLBCL"]["Lau94"]["statistic"], rel=1e-6)
    assert found.cutoff == pytest.approx(expected["DLBCL"]["Lau94"]["cutpoint"], rel=1e-6)
    assert found.p_approximation == pytest.approx(expected["DLBCL"]["Lau94"]["p"], rel=1e-6)
    # the exact conditional p and the bounds R computes lie around the permuted one
    assert found.p_permutation < expected["DLBCL"]["Lau92"]["p"]
    assert found.p_permutation == pytest.approx(expected["DLBCL"]["exactGauss"]["p"], abs=0.01)
    assert found.p_naive < found.p_permutation


@pytest.mark.skipif(not TRIAL.exists(), reason="../shared/data/clinical is not at hand")
def test_a_real_immunotherapy_cohort_as_in_maxstat() -> None:
    patients = pd.read_csv(TRIAL / "data_clinical_patient.txt", sep="\t")
    table = patients.merge(pd.read_csv(TRIAL / "data_clinical_sample.txt", sep="\t"), on="PATIENT_ID")
    progressed = table["PFS_STATUS"].str[0].astype(int)
    found = search_cutoff(table["PFS_MONTHS"], progressed, table["TMB_NONSYNONYMOUS"], permutations=500, seed=1)
    expected = REFERENCE["nsclc_pd1_msk_2018"]["maxstat_tmb"]
    assert found.statistic == pytest.approx(expected["statistic"], rel=1e-6)
    assert found.cutoff == pytest.approx(expected["cutpoint"], rel=1e-6)
    assert found.p_approximation == pytest.approx(expected["p"], rel=1e-6)


def test_the_corrected_p_is_uniform_under_the_null_and_the_naive_is_not() -> None:
    found = [search_cutoff(*cohort(seed, 40), permutations=199, seed=seed) for seed in range(300)]
    assert kstest([one.p_permutation for one in found], "uniform").pvalue > 0.01
    assert kstest([one.p_naive for one in found], "uniform").pvalue < 1e-6
    # the approximation is a bound: it may be too large, never much too small
    assert np.mean([one.p_approximation < 0.05 for one in found]) < 0.08


def test_the_p_in_a_subset_is_uniform_under_the_null() -> None:
    found = []
    for seed in range(200):
        days, progressed, score = cohort(seed, 40)
        subset = np.arange(40) % 2 == 0
        found.append(subset_permutation_p(days, progressed, score, subset, permutations=79, seed=seed))
    assert kstest(found, "uniform").pvalue > 0.01


def test_the_cut_off_is_the_largest_of_plain_comparisons() -> None:
    days, progressed, score = cohort(4)
    found = search_cutoff(days, progressed, score, minimum_share=0.1, permutations=1, seed=0)
    assert found.cutoffs == tuple(np.sort(score)[5:54])
    ranks = logrank_scores(days, progressed)
    for cutoff, statistic, n_high in zip(found.cutoffs, found.statistics, found.n_high, strict=True):
        high = score > cutoff
        assert n_high == high.sum()
        n, m = high.size, high.sum()
        error = np.sqrt(ranks.var(ddof=1) * m * (n - m) / n)
        assert statistic == pytest.approx(abs(ranks[high].sum() - m * ranks.mean()) / error)
    high = score > found.cutoff
    assert found.p_naive == pytest.approx(
        logrank_test(days[high], days[~high], progressed[high], progressed[~high]).p_value
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_another_scale_of_the_score_divides_alike(seed: int) -> None:
    days, progressed, score = cohort(seed)
    plain = search_cutoff(days, progressed, score, permutations=20, seed=1)
    other = search_cutoff(days, progressed, np.exp(score), permutations=20, seed=1)
    assert other.cutoff == pytest.approx(np.exp(plain.cutoff))
    assert (other.n_high, other.p_permutation) == (plain.n_high, plain.p_permutation)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"score": np.ones(60)}, "all 60 scores are 1"),
        ({"progressed": np.zeros(60)}, "none of 60 patients progressed"),
        ({"days": np.full(60, -1.0)}, "negative or missing"),
        ({"progressed": np.full(60, 2.0)}, "neither 0 nor 1"),
        ({"score": np.r_[np.zeros(59), 1.0]}, "no cut-off of the 60 scores"),
        ({"score": np.array(["high"] * 60)}, "score holds something that is not a number"),
        ({"days": np.full(60, 7.0), "progressed": np.ones(60)}, "all 60 patients progressed at the same time"),
    ],
)
def test_what_cannot_be_searched_says_why(change: dict[str, np.ndarray], sentence: str) -> None:
    days, progressed, score = cohort(1)
    given_values = {"days": days, "progressed": progressed, "score": score} | change
    with pytest.raises(DataError, match=sentence):
        search_cutoff(**given_values, permutations=10, seed=1)


def test_few_patients_are_refused() -> None:
    with pytest.raises(DataError, match="9 patients"):
        search_cutoff(*cohort(1, 9), permutations=10, seed=1)
    with pytest.raises(DataError, match="9 patients in the subset"):
        subset_permutation_p(*cohort(1), np.arange(60) < 9, permutations=10, seed=1)
    with pytest.raises(DataError, match="give one group a patient"):
        subset_permutation_p(*cohort(1), np.ones(59), permutations=10, seed=1)


def test_both_ends_of_the_search_are_rounded_down_as_in_maxstat() -> None:
    found = search_cutoff(*cohort(2, 95), minimum_share=0.1, permutations=1, seed=0)
    assert (max(found.n_high), min(found.n_high)) == (95 - 9, 95 - 85)


def test_the_same_seed_gives_the_same_p() -> None:
    first, again, other = (search_cutoff(*cohort(3), permutations=700, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.statistics == other.statistics
    assert first.p_permutation == pytest.approx(other.p_permutation, abs=0.1)


def test_one_subset_of_all_patients_has_the_p_of_the_search() -> None:
    days, progressed, score = cohort(6)
    searched = search_cutoff(days, progressed, score, permutations=4000, seed=1).p_permutation
    whole = subset_permutation_p(days, progressed, score, np.ones(60), permutations=1000, seed=2)
    assert whole == pytest.approx(searched, abs=4 * np.sqrt(searched * (1 - searched) / 1000))
