"""Meta-analysis against statsmodels and against a published example."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.meta_analysis import combine_effects

from common.errors import DataError
from common.pooling import Effect, combine

# Colditz et al., JAMA 1994; 271: 698-702: tuberculosis in vaccinated and other people, 13 trials of BCG;
# cases and others of the vaccinated, cases and others of the rest, as in metafor's dat.bcg.
BCG = np.array(
    [
        (4, 119, 11, 128),
        (6, 300, 29, 274),
        (3, 228, 11, 209),
        (62, 13536, 248, 12619),
        (33, 5036, 47, 5761),
        (180, 1361, 372, 1079),
        (8, 2537, 10, 619),
        (505, 87886, 499, 87892),
        (29, 7470, 45, 7232),
        (17, 1699, 65, 1600),
        (186, 50448, 141, 27197),
        (5, 2493, 3, 2338),
        (27, 16886, 29, 17825),
    ]
)


def log_risk_ratios() -> tuple[np.ndarray, np.ndarray]:
    cases, others, control_cases, control_others = BCG.T
    ratio = np.log(cases / (cases + others) / (control_cases / (control_cases + control_others)))
    variance = 1 / cases - 1 / (cases + others) + 1 / control_cases - 1 / (control_cases + control_others)
    return ratio, np.sqrt(variance)


def test_bcg_vaccine_as_published() -> None:
    # R's metafor: rma(yi, vi, data = escalc("RR", ..., dat.bcg), method = "FE" and "DL")
    found = combine(*log_risk_ratios())
    assert (found.fixed.estimate, found.fixed.standard_error) == pytest.approx((-0.4303, 0.0405), abs=5e-5)
    assert (found.random.estimate, found.random.standard_error) == pytest.approx((-0.7141, 0.1787), abs=5e-5)
    assert (found.tau2, found.q, found.i2) == pytest.approx((0.3088, 152.2330, 0.9212), abs=5e-5)
    assert found.q_p is not None
    assert found.q_p < 0.0001


@pytest.mark.filterwarnings("ignore:invalid value encountered in sqrt")
@settings(max_examples=100, deadline=None)
@given(st.integers(0, 100_000), st.integers(2, 12), st.sampled_from([0.0, 0.3, 2.0]))
def test_every_number_is_that_of_statsmodels(seed: int, number: int, between: float) -> None:
    random = np.random.default_rng(seed)
    errors = random.uniform(0.1, 0.6, number)
    estimates = random.normal(0.4, between, number) + errors * random.normal(size=number)
    found, expected = combine(estimates, errors), combine_effects(estimates, errors**2, method_re="dl")
    normal, hartung = expected.conf_int(use_t=False), expected.conf_int(use_t=True)
    assert interval(found.fixed) == pytest.approx((expected.mean_effect_fe, expected.sd_eff_w_fe, *normal[0]))
    assert found.weights_fixed == pytest.approx(expected.weights_rel_fe)
    assert found.q == pytest.approx(expected.q)
    assert found.q_p == pytest.approx(expected.test_homogeneity().pvalue)
    if expected.tau2 <= 0:
        # statsmodels goes on with a variance below 0
        assert (found.random, found.tau2, found.i2) == (found.fixed, 0, 0)
        return
    assert found.knapp_hartung is not None
    assert interval(found.random) == pytest.approx((expected.mean_effect_re, expected.sd_eff_w_re, *normal[1]))
    assert interval(found.knapp_hartung) == pytest.approx(
        (expected.mean_effect_re, expected.sd_eff_w_re_hksj, *hartung[3])
    )
    assert (found.tau2, found.i2) == pytest.approx((expected.tau2, expected.i2))
    assert found.weights_random == pytest.approx(expected.weights_rel_re)


def interval(effect: Effect) -> tuple[float, float, float, float]:
    return effect.estimate, effect.standard_error, effect.ci_low, effect.ci_high


def test_one_site_is_its_own_estimate() -> None:
    found = combine([0.5], [0.2], level=0.9)
    assert found.random == found.fixed
    assert interval(found.fixed) == pytest.approx((0.5, 0.2, 0.5 - 1.6448536 * 0.2, 0.5 + 1.6448536 * 0.2))
    assert (found.tau2, found.q, found.i2, found.q_p, found.knapp_hartung) == (0, 0, 0, None, None)
    assert found.weights_fixed == found.weights_random == (1,)


def test_sites_that_agree_have_no_heterogeneity() -> None:
    found = combine([0.5, 0.5, 0.5], [0.2, 0.1, 0.3])
    assert (found.tau2, found.i2, found.q_p) == pytest.approx((0, 0, 1))
    assert found.random == found.fixed


@pytest.mark.parametrize(
    ("estimates", "errors", "sentence"),
    [
        ([], [], "give one of each a site"),
        ([0.1, 0.2], [0.1], "give one of each a site"),
        ([0.1, np.nan], [0.1, 0.2], "1 of 2 estimates are missing"),
        ([0.1, 0.2], [0.1, 0.0], "no standard error above 0"),
    ],
)
def test_refusals_say_what_was_given(estimates: list[float], errors: list[float], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        combine(estimates, errors)
