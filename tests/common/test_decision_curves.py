"""Net benefit against R's dcurves and against counting."""

from __future__ import annotations

import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

import dcurves
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from common.discrimination import DecisionCurves, decision_curves
from common.errors import DataError

patients = st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=2, max_size=30).filter(
    lambda rows: 0 < sum(label for label, _ in rows) < len(rows)
)


@pytest.fixture(scope="module")
def screening() -> DecisionCurves:
    table = pd.read_csv(Path(dcurves.data) / "df_binary.csv")
    cancer = table["cancer"].astype(int)
    by_age = sm.GLM(cancer, sm.add_constant(table["age"]), family=sm.families.Binomial()).fit(tol=1e-12).predict()
    return decision_curves(cancer, {"famhistory": table["famhistory"], "age": by_age})


@pytest.mark.parametrize("name", ["all", "famhistory", "age"])
def test_net_benefit_is_that_of_r(screening: DecisionCurves, r_discrimination: dict[str, Any], name: str) -> None:
    curve = dict(zip(screening.thresholds, {"all": screening.treat_all, **screening.models}[name], strict=True))
    for threshold, benefit in r_discrimination["dcurves"][name].items():
        assert curve[float(threshold)] == pytest.approx(benefit, rel=1e-10, abs=1e-14)


@settings(max_examples=25, deadline=None)
@given(patients)
def test_net_benefit_is_counted(rows: list[tuple[bool, float]]) -> None:
    labels, probability = map(np.array, zip(*rows, strict=True))
    found = decision_curves(labels, {"score": probability}, thresholds=(0.05, 0.2, 0.5, 0.9))
    n, share = len(rows), labels.mean()
    for index, threshold in enumerate(found.thresholds):
        odds = threshold / (1 - threshold)
        called = probability >= threshold
        benefit = (called & labels).sum() / n - odds * (called & ~labels).sum() / n
        assert found.models["score"][index] == pytest.approx(benefit, abs=1e-12)
        assert found.treat_all[index] == pytest.approx(share - odds * (1 - share), abs=1e-12)
    assert found.treat_none == [0, 0, 0, 0]


def test_nothing_is_printed_or_warned_and_all_is_finite(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = decision_curves([0, 1, 1, 0], {"whole": [0, 1, 1, 0], "constant": [0.3] * 4})
    assert capsys.readouterr() == ("", "")
    for values in (found.thresholds, found.treat_all, found.treat_none, *found.models.values()):
        assert len(values) == 99
        assert np.isfinite(values).all()
    assert found.models["whole"] == pytest.approx([0.5] * 99)


def test_models_keep_their_names_and_do_not_touch_each_other() -> None:
    labels, probability = [0, 1, 1, 0], [0.2, 0.9, 0.4, 0.6]
    alone = decision_curves(labels, {"score": probability})
    among = decision_curves(labels, {"all": probability, "none": [0.5] * 4, "positive": [0.1] * 4})
    assert list(among.models) == ["all", "none", "positive"]
    assert among.models["all"] == alone.models["score"]
    assert (among.treat_all, among.treat_none) == (alone.treat_all, alone.treat_none)


def test_thresholds_rise_whatever_their_order() -> None:
    found = decision_curves([0, 1, 1, 0], {"score": [0.2, 0.9, 0.4, 0.6]}, thresholds=(0.7, 0.1, 0.5))
    assert found.thresholds == [0.1, 0.5, 0.7]
    assert found.treat_all == pytest.approx([0.5 - 0.5 / 9, 0, 0.5 - 0.5 * 7 / 3])


def test_keys_are_those_of_the_results() -> None:
    found = asdict(decision_curves([0, 1], {"score": [0.2, 0.9]}))
    assert list(found) == ["thresholds", "treat_all", "treat_none", "models"]


@pytest.mark.parametrize(
    ("labels", "probabilities", "thresholds", "sentence"),
    [
        ([0, 1], {"score": [0.2, 1.2]}, (0.5,), "leave 0 to 1"),
        ([0, 1], {"score": [-3.0, 0.2]}, (0.5,), "leave 0 to 1"),
        ([0, 1], {"score": [np.nan, 0.2]}, (0.5,), "1 of 2 scores are missing"),
        ([1, 1], {"score": [0.1, 0.2]}, (0.5,), "both classes are needed"),
        ([0, 1], {}, (0.5,), "no model gave probabilities"),
        ([0, 1], {"score": [0.1, 0.2]}, (), "0 thresholds"),
        ([0, 1], {"score": [0.1, 0.2]}, (0.5, 1.0), "2 thresholds, not all between 0 and 1"),
        ([0, 1], {"score": [0.1, 0.2]}, (0.5, np.nan), "2 thresholds, not all between 0 and 1"),
    ],
)
def test_refusals_say_what_was_given(
    labels: list[int], probabilities: dict[str, list[float]], thresholds: tuple[float, ...], sentence: str
) -> None:
    with pytest.raises(DataError, match=sentence):
        decision_curves(labels, probabilities, thresholds=thresholds)
