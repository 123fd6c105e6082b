"""The privacy loss of a study against one accountant that steps through everything, and against Google's."""

from __future__ import annotations

import dp_accounting
import pytest
from dp_accounting import pld, rdp
from hypothesis import given, settings
from hypothesis import strategies as st
from opacus.accountants import RDPAccountant

from client.privacy.accounting import LEAST_NOISE, Mechanism, least_noise, spent_epsilon
from common.errors import StudyError

DELTA = 1e-5
MECHANISMS = st.builds(
    Mechanism,
    noise_multiplier=st.floats(0.8, 8.0),
    sample_rate=st.sampled_from([0.02, 0.05, 0.13, 1.0]),
    steps=st.integers(1, 300),
)


@settings(max_examples=15, deadline=None)
@given(st.lists(MECHANISMS, min_size=1, max_size=4))
def test_mechanisms_together_cost_what_one_accountant_counts_step_by_step(mechanisms: list[Mechanism]) -> None:
    accountant = RDPAccountant()
    for one in mechanisms:
        for _ in range(one.steps):
            accountant.step(noise_multiplier=one.noise_multiplier, sample_rate=one.sample_rate)
    assert spent_epsilon(mechanisms, delta=DELTA) == pytest.approx(accountant.get_epsilon(DELTA), rel=1e-9)


def google_epsilon(mechanisms: list[Mechanism], accountant: dp_accounting.PrivacyAccountant) -> float:
    for one in mechanisms:
        event = dp_accounting.GaussianDpEvent(one.noise_multiplier)
        sampled = dp_accounting.PoissonSampledDpEvent(one.sample_rate, event)
        accountant.compose(dp_accounting.SelfComposedDpEvent(sampled if one.sample_rate < 1 else event, one.steps))
    return float(accountant.get_epsilon(DELTA))


@pytest.mark.parametrize(
    "mechanisms",
    [
        [Mechanism(1.0, 32 / 750, 24 * 60)],
        [Mechanism(2.0, 0.1, 300)],
        [Mechanism(8.0, 1.0, 1), Mechanism(8.0, 1.0, 1), Mechanism(3.0, 0.13, 160)],
        [Mechanism(5.0, 1.0, 20)],
        [Mechanism(1.2, 0.05, 1)],
    ],
    ids=str,
)
def test_the_loss_is_never_below_what_an_independent_accountant_finds(mechanisms: list[Mechanism]) -> None:
    ours = spent_epsilon(mechanisms, delta=DELTA)
    assert ours >= google_epsilon(mechanisms, pld.PLDAccountant()) * (1 - 1e-6)
    assert ours == pytest.approx(google_epsilon(mechanisms, rdp.RdpAccountant()), rel=0.02)


@settings(max_examples=10, deadline=None)
@given(
    epsilon=st.floats(0.5, 10),
    sample_rate=st.sampled_from([0.02, 0.1, 1.0]),
    steps=st.integers(1, 500),
    beside=st.lists(st.just(Mechanism(30.0, 1.0, 1)), max_size=2),
)
def test_the_noise_is_enough_and_hardly_more(
    epsilon: float, sample_rate: float, steps: int, beside: list[Mechanism]
) -> None:
    noise = least_noise(epsilon=epsilon, delta=DELTA, sample_rate=sample_rate, steps=steps, beside=tuple(beside))
    assert spent_epsilon([*beside, Mechanism(noise, sample_rate, steps)], delta=DELTA) <= epsilon
    if noise > LEAST_NOISE:
        less = Mechanism(noise * 0.999, sample_rate, steps)
        assert spent_epsilon([*beside, less], delta=DELTA) > epsilon


def test_statistics_that_spend_everything_leave_nothing_to_train_with() -> None:
    with pytest.raises(StudyError, match=r"privacy.epsilon is 1, but the noised statistics alone spend .* raise"):
        least_noise(epsilon=1.0, delta=DELTA, sample_rate=0.1, steps=10, beside=(Mechanism(2.0, 1.0, 2),))


def test_nothing_released_costs_nothing() -> None:
    assert spent_epsilon([], delta=DELTA) == 0


def test_a_promise_that_no_noise_keeps_is_refused() -> None:
    with pytest.raises(StudyError, match=r"privacy.epsilon is 1e-05, which no noise keeps"):
        least_noise(epsilon=1e-5, delta=DELTA, sample_rate=0.5, steps=10**6)
