"""Privacy loss of Gaussian mechanisms on Poisson samples of patients, by Opacus' RDP accountant."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from opacus.accountants import RDPAccountant
from opacus.accountants.analysis import rdp
from scipy.optimize import brentq

from common.errors import StudyError

LEAST_NOISE, MOST_NOISE = 0.2, 1e5
RELATIVE_PRECISION = 1e-6
LEAST_EPSILON = 1e-9
"""The accountant's bound can fall to 0 and below."""


@dataclass(frozen=True)
class Mechanism:
    """Noise added to sums over Poisson samples of the patients."""

    noise_multiplier: float
    """Standard deviation of the noise, in lengths of what one patient can add."""
    sample_rate: float
    """Probability that a patient is in a step; 1 for all patients."""
    steps: int


def spent_epsilon(mechanisms: Sequence[Mechanism], *, delta: float) -> float:
    """Epsilon of all mechanisms together, by Renyi differential privacy (Mironov 2017, doi:10.1109/CSF.2017.11)."""
    if not mechanisms:
        return 0.0
    losses = sum(one.steps * _loss_of_a_step(one.noise_multiplier, one.sample_rate) for one in mechanisms)
    with warnings.catch_warnings():
        # the best order at the end of Opacus' list makes the bound larger, never wrong
        warnings.filterwarnings("ignore", message="Optimal order is the")
        epsilon, _ = rdp.get_privacy_spent(orders=RDPAccountant.DEFAULT_ALPHAS, rdp=losses, delta=delta)
    return float(epsilon)


@lru_cache(maxsize=4096)
def _loss_of_a_step(noise_multiplier: float, sample_rate: float) -> np.ndarray:
    """At each of Opacus' orders; it takes a tenth of a second."""
    orders = RDPAccountant.DEFAULT_ALPHAS
    return np.asarray(rdp.compute_rdp(q=sample_rate, noise_multiplier=noise_multiplier, steps=1, orders=orders))


@lru_cache(maxsize=64)
def least_noise(
    *, epsilon: float, delta: float, sample_rate: float, steps: int, beside: tuple[Mechanism, ...] = ()
) -> float:
    """The smallest noise multiplier with which so many steps, and the mechanisms beside, stay within epsilon.

    StudyError when the mechanisms beside spend it alone.
    """

    def excess(log_noise: float) -> float:
        spent = spent_epsilon([*beside, Mechanism(math.exp(log_noise), sample_rate, steps)], delta=delta)
        return math.log(max(spent, LEAST_EPSILON) / epsilon)

    if excess(math.log(MOST_NOISE)) > 0 and not beside:
        raise StudyError(f"privacy.epsilon is {epsilon:g}, which no noise keeps at delta {delta:g}; raise epsilon")
    if excess(math.log(MOST_NOISE)) > 0:
        raise StudyError(
            f"privacy.epsilon is {epsilon:g}, but the noised statistics alone spend "
            f"{spent_epsilon(beside, delta=delta):.3g} of it; raise privacy.statistics_noise, or epsilon"
        )
    if excess(math.log(LEAST_NOISE)) <= 0:
        return LEAST_NOISE
    found = brentq(excess, math.log(LEAST_NOISE), math.log(MOST_NOISE), xtol=RELATIVE_PRECISION / 10)
    # on the safe side of the root
    return math.exp(found) * (1 + RELATIVE_PRECISION)
