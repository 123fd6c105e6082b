"""The verdict on shift: how often it errs without a shift, what it sees with one, and its numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from client.validation.shift import BOUND, LEVEL, Shift, measure_shift
from common.errors import DataError

TRAINING = 400


def centre(
    random: np.random.Generator, *, patients: int, columns: int, shift: float = 0, skewed: bool = False
) -> pd.DataFrame:
    """Patients drawn as the training patients were, correlated through few factors, standardised by the training."""
    mixing = random.normal(size=(6, columns))

    def draw(count: int) -> np.ndarray:
        values = random.normal(size=(count, 6)) @ mixing / 3 + random.normal(size=(count, columns)) / 2
        return np.exp(values) if skewed else values

    training = draw(TRAINING)
    values = (draw(patients) - training.mean(axis=0)) / training.std(axis=0) + shift
    return pd.DataFrame(values, columns=[f"feature-{number}" for number in range(columns)])


def errors(*, patients: int, columns: int, skewed: bool, repeats: int = 250) -> int:
    random = np.random.default_rng(11)
    found = [
        measure_shift(centre(random, patients=patients, columns=columns, skewed=skewed), training_patients=TRAINING)
        for _ in range(repeats)
    ]
    return sum(one.differs for one in found)


@pytest.mark.parametrize(("patients", "columns"), [(25, 30), (80, 4), (80, 30)])
def test_without_a_shift_it_errs_as_stated(patients: int, columns: int) -> None:
    # more errors than this have a chance of 1 in 1000 at the stated rate
    assert errors(patients=patients, columns=columns, skewed=False) <= stats.binom.ppf(0.999, 250, LEVEL)


def test_skewed_inputs_err_little_more() -> None:
    assert errors(patients=60, columns=30, skewed=True) <= stats.binom.ppf(0.999, 250, 0.04)


@pytest.mark.parametrize(("columns", "shift"), [(30, 0.6), (4, 1.0)])
def test_a_shift_is_seen(columns: int, shift: float) -> None:
    random = np.random.default_rng(5)
    found = [
        measure_shift(centre(random, patients=60, columns=columns, shift=shift), training_patients=TRAINING)
        for _ in range(20)
    ]
    assert all(one.differs for one in found)


def test_one_shifted_variable_of_four_is_seen() -> None:
    table = centre(np.random.default_rng(2), patients=80, columns=4)
    assert not measure_shift(table, training_patients=TRAINING).differs
    table["feature-2"] += 1.0
    found = measure_shift(table, training_patients=TRAINING)
    assert found.differs
    assert found.columns[2].shifted


def test_a_trifle_is_no_shift_however_many_patients_show_it() -> None:
    table = pd.DataFrame(np.random.default_rng(3).normal(size=(20_000, 4)) + 0.15)
    found = measure_shift(table, training_patients=10**6)
    assert found.p < LEVEL
    assert (found.shifted, found.differs, found.noticed_from) == (0, False, BOUND)


def test_the_numbers_of_a_column() -> None:
    values = pd.Series([1.0, 2.0, 4.0, np.nan, 1.0, 0.0, 2.0, 2.0, 1.0, 3.5, 1.5, 2.0])
    table = pd.DataFrame({"a": values, "gone": np.nan, "constant": 0.0})
    found = measure_shift(table, training_patients=50)
    first, gone, constant = found.columns
    known = values.dropna()
    assert first.n == 11
    assert first.missing == pytest.approx(1 / 12)
    assert first.difference == pytest.approx(known.mean())
    assert first.standard_error == pytest.approx((1 / 11 + 1 / 50) ** 0.5)
    assert first.deviation_ratio == pytest.approx(known.std())
    assert first.far == pytest.approx(2 / 11)
    assert first.shifted
    assert (gone.n, gone.difference, gone.missing, gone.shifted) == (0, None, 1, False)
    assert (constant.difference, constant.deviation_ratio, constant.shifted) == (0, 0, False)
    assert found.noticed_from == pytest.approx(1.959964 * (1 / 12 + 1 / 50) ** 0.5, rel=1e-6)


def test_the_summed_differences_of_independent_columns_are_chi_squared() -> None:
    table = pd.DataFrame(np.random.default_rng(9).normal(size=(3000, 5)))
    found = measure_shift(table, training_patients=3000)
    size = sum((one.difference / one.standard_error) ** 2 for one in found.columns)  # type: ignore[operator]
    assert found.p == pytest.approx(stats.chi2.sf(size, 5), abs=0.04)


def test_the_same_patients_give_the_same_verdict() -> None:
    table = centre(np.random.default_rng(4), patients=30, columns=10)
    first: Shift = measure_shift(table, training_patients=TRAINING)
    assert measure_shift(table, training_patients=TRAINING) == first


def test_few_patients_give_no_verdict() -> None:
    with pytest.raises(DataError, match="needs at least 10"):
        measure_shift(pd.DataFrame(np.zeros((9, 2))), training_patients=TRAINING)
    with pytest.raises(DataError, match="how many patients"):
        measure_shift(pd.DataFrame(np.zeros((20, 2))), training_patients=0)
