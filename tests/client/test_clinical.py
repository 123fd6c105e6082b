"""Imputation, scaling and selection are fitted on training patients and equal their references."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from client.clinical import encode, fit_clinical
from client.division import divide
from client.selection import mann_whitney
from common.errors import DataError
from common.scaling import fit_scaling
from common.selection import select_features
from common.study import Division, Selection


def table(**columns: list[object]) -> pd.DataFrame:
    return pd.DataFrame(columns)


def test_smoking_is_ordinal_and_unknown_is_nan() -> None:
    encoded = encode(
        table(
            age=[50.0, 60.0, float("nan")],
            sex=["female", "male", ""],
            smoking=["never", "constantly", "occasionally"],
            family_history=["no", "", "yes"],
        )
    )
    expected = [[50, 0, 0, 0], [60, 1, 2, np.nan], [np.nan, np.nan, 1, 1]]
    np.testing.assert_array_equal(encoded.to_numpy(), expected)


def test_missing_value_is_the_distance_weighted_mean_of_three_neighbours() -> None:
    training = pd.DataFrame(
        {"age": [40.0, 50, 60, 90], "sex": [0.0, 0, 1, 1], "smoking": [0.0, 1, 2, 2], "family_history": [0.0] * 4}
    )
    asked = pd.DataFrame({"age": [52.0], "sex": [0.0], "smoking": [float("nan")], "family_history": [0.0]})
    filled = fit_clinical(training, neighbours=3).apply(asked)[0]
    values = training.to_numpy()
    mean, deviation = values.mean(axis=0), np.where(values.std(axis=0) > 0, values.std(axis=0), 1)
    z = (values - mean) / deviation
    patient = (asked.to_numpy()[0] - mean) / deviation
    known = [0, 1, 3]
    distance = np.sqrt(((z[:, known] - patient[known]) ** 2).sum(axis=1) * 4 / 3)
    nearest = np.argsort(distance)[:3]
    expected = np.average(z[nearest, 2], weights=1 / distance[nearest])
    assert filled[2] == pytest.approx(expected, rel=1e-12)


def test_other_patients_do_not_move_the_imputation() -> None:
    generator = np.random.default_rng(0)
    values = pd.DataFrame(generator.normal(size=(30, 4)), columns=["age", "sex", "smoking", "family_history"])
    asked = pd.DataFrame(generator.normal(size=(5, 4)), columns=values.columns)
    asked.iloc[0, 2] = np.nan
    preparation = fit_clinical(values, neighbours=3)
    np.testing.assert_array_equal(preparation.apply(asked)[:1], preparation.apply(asked[:1]))


def test_constant_column_becomes_zero() -> None:
    scaled = fit_scaling(np.array([[1.0, 5], [3, 5]])).apply(np.array([[2.0, 5]]))
    np.testing.assert_array_equal(scaled, [[0, 0]])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_selection_is_scipys_test_feature_by_feature(seed: int) -> None:
    generator = np.random.default_rng(seed)
    labels = np.r_[0, 1, generator.integers(0, 2, 28)]
    features = pd.DataFrame(generator.integers(0, 6, (30, 4)).astype(float), columns=list("abcd"))
    features.loc[3, "b"] = np.nan
    features["d"] = 2.0
    p_values = mann_whitney(features, labels)
    for name in "abc":
        column = features[name].to_numpy()
        keep = ~np.isnan(column)
        groups = [column[keep & (labels == label)] for label in (1, 0)]
        assert p_values[name] == pytest.approx(stats.mannwhitneyu(*groups, method="asymptotic").pvalue, rel=1e-9)
    assert p_values["d"] == 1


def test_smallest_p_stay_in_their_order() -> None:
    p_values = pd.Series({"a": 0.04, "b": 0.2, "c": 0.001, "d": 0.03})
    assert select_features(p_values, Selection(p_value=0.05, maximum_features=9)) == ["a", "c", "d"]
    assert select_features(p_values, Selection(p_value=0.05, maximum_features=2)) == ["c", "d"]
    with pytest.raises(DataError, match=r"no radiomic feature has p < 0\.0001"):
        select_features(p_values, Selection(p_value=0.0001, maximum_features=9))


def test_one_class_alone_is_refused() -> None:
    with pytest.raises(DataError, match="0 of 3 training patients are positive"):
        mann_whitney(pd.DataFrame({"a": [1.0, 2, 3]}), np.zeros(3))


def test_division_is_stratified_and_in_proportion() -> None:
    labels = pd.Series([1] * 70 + [0] * 130, index=[f"P{number}" for number in range(200)])
    splits = pd.Series("", index=labels.index)
    shares = Division(training=0.8, validation=0.1, test=0.1)
    divided = divide(splits, labels, shares, seed=1)
    assert divided.value_counts().to_dict() == {"training": 160, "validation": 20, "test": 20}
    assert labels[divided == "test"].sum() == 7
    pd.testing.assert_series_equal(divided, divide(splits, labels, shares, seed=1))
    assert (divided != divide(splits, labels, shares, seed=2)).any()


def test_written_division_comes_first_and_must_be_whole() -> None:
    labels = pd.Series([0, 1], index=["P1", "P2"])
    shares = Division(training=0.8, validation=0.1, test=0.1)
    written = pd.Series(["test", "training"], index=labels.index)
    assert divide(written, labels, shares, seed=1).to_list() == ["test", "training"]
    with pytest.raises(DataError, match="split is written for 1 of 2"):
        divide(pd.Series(["test", ""], index=labels.index), labels, shares, seed=1)
