"""Independent random streams: one for each purpose, and for images one for each patient."""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What a stream of random numbers is for; the values are part of what a seed means."""

    LATENTS = 1
    CLINICAL = 2
    TPS = 3
    SURVIVAL = 4
    ACQUISITION = 5
    ANATOMY = 6
    TUMOUR = 7
    TEXTURE = 8
    RING = 9
    NOISE = 10
    SITE_TRAITS = 11
    SITE_MEMBERS = 12


def generator(seed: int, stream: Stream, number: int) -> np.random.Generator:
    """The stream of a study's seed for one division (table) or one patient (images)."""
    return np.random.default_rng([seed, int(stream), number])
