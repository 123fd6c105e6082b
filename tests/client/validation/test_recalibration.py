"""Recalibration: the refit is a logistic regression, and nobody is judged by a refit of their own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from client.validation.recalibration import coefficients, recalibrate
from common.discrimination import calibrate
from common.errors import DataError


def patients(*, number: int = 400, shift: float = 1.0, factor: float = 0.5) -> tuple[pd.Series, pd.Series]:
    """A score whose log-odds are too low and too extreme."""
    random = np.random.default_rng(6)
    logit = random.normal(size=number) * 2
    label = (random.random(number) < expit(shift + factor * logit)).astype(float)
    return pd.Series(label), pd.Series(logit)


def test_coefficients_are_those_of_logistic_regression() -> None:
    label, logit = patients()
    model = LogisticRegression(C=1e10, tol=1e-10, max_iter=1000).fit(logit.to_numpy()[:, None], label)
    intercept, slope = coefficients(label.to_numpy(), logit.to_numpy(), slope=True)
    assert (intercept, slope) == pytest.approx((model.intercept_[0], model.coef_[0, 0]), rel=1e-5)
    intercept, slope = coefficients(label.to_numpy(), logit.to_numpy(), slope=False)
    assert slope == 1
    assert intercept == pytest.approx(calibrate(label, logit).intercept, rel=1e-6)


def test_refits_mend_calibration_and_leave_the_sealed_score() -> None:
    label, logit = patients()
    found = recalibrate(label, logit, seed=1)
    assert found["sealed"]["slope"] == calibrate(label, logit).slope
    assert found["sealed"]["intercept_ci_low"] > 0
    assert abs(found["intercept"]["intercept"]) < 0.05
    assert found["intercept_and_slope"]["slope_ci_low"] < 1 < found["intercept_and_slope"]["slope_ci_high"]
    assert found["intercept_and_slope"]["brier"] < found["intercept"]["brier"] < found["sealed"]["brier"]


def test_a_patient_is_not_judged_by_their_own_refit() -> None:
    """Labels that have nothing to do with the score: a refit judged on its own patients would have slope 1."""
    random = np.random.default_rng(7)
    label, logit = pd.Series([0.0, 1.0] * 20), pd.Series(random.normal(size=40))
    assert recalibrate(label, logit, seed=1)["intercept_and_slope"]["slope"] < 0.9


def test_few_patients_are_not_refitted() -> None:
    label, logit = patients(number=40)
    with pytest.raises(DataError, match="recalibration needs 10 of each"):
        recalibrate(label.where(label.cumsum() < 9, 0.0), logit, seed=1)
