"""What the classes differ in: three independent latents, and how well the best possible observer of each does."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from common.study import Signal

PARTS = ("border", "texture", "clinical")
Floats = NDArray[np.float64]


def separations(signal: Signal) -> Floats:
    """Distance between the two classes along each latent, in standard deviations: border, texture, clinical."""
    return np.array([signal.border, signal.texture, signal.clinical], dtype=np.float64)


def draw_latents(positive: NDArray[np.bool_], signal: Signal, rng: np.random.Generator) -> Floats:
    """Latents of patients (n x 3): normal within a class, class means half a separation from zero.

    Each latent takes the quantiles of its normal distribution in random order, so that the classes of every division
    are as far apart as the study says, and a small division is neither lucky nor unlucky.
    """
    latents = np.empty((positive.size, len(PARTS)))
    for side, members in ((0.5, positive), (-0.5, ~positive)):
        number = int(members.sum())
        quantiles = np.array([NormalDist().inv_cdf((place + 0.5) / number) for place in range(number)])
        drawn = [rng.permutation(quantiles) for _ in PARTS]
        latents[members] = np.stack(drawn, axis=1) + side * separations(signal)
    return latents


def latent_score(latents: Floats, signal: Signal, *, prevalence: float) -> Floats:
    """Posterior log odds of the positive class, brought to mean 0 and SD 1 over the whole cohort.

    The log odds are linear in the latents, so their mean and variance over the mixture of both classes are known.
    All zero when no part carries a signal.
    """
    distances = separations(signal)
    distance = float(np.linalg.norm(distances))
    if distance == 0:
        return np.zeros(len(latents))
    mean = distance * (prevalence - 0.5)
    variance = 1 + distance**2 * prevalence * (1 - prevalence)
    return np.asarray((latents @ distances / distance - mean) / math.sqrt(variance))


def ideal_auc(distance: float) -> float:
    """AUC of the best observer of two normal classes of equal spread, `distance` standard deviations apart."""
    return NormalDist().cdf(distance / math.sqrt(2))


def ideal_observers(signal: Signal) -> dict[str, float]:
    """AUC of the best possible observer of each part (border, texture, clinical) and of all together.

    Phi(d / sqrt 2) with d the separation of the part, and for all parts the Euclidean norm of the three.
    """
    distances = separations(signal)
    parts = {name: ideal_auc(float(distance)) for name, distance in zip(PARTS, distances, strict=True)}
    return {**parts, "all": ideal_auc(float(np.linalg.norm(distances)))}
