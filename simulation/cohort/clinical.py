"""Clinical values that carry the clinical latent while every count of the table stays exact."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulation.cohort.latents import Floats
from simulation.cohort.published_counts import TOTAL, Counts

SEXES = ("female", "male")
SMOKING = ("never", "occasionally", "constantly")
FAMILY_HISTORY = ("no", "yes")
UNKNOWN = -1

LOADING = 0.25
"""Correlation of the latent with the hidden liabilities behind sex, smoking and family history."""
SEX_TO_SMOKING = 0.6
"""Correlation of the liabilities of male sex and smoking beside the latent."""
STEP = {"sex": 0.40, "smoking": 0.35, "family_history": 0.35}
"""Part of the latent, in standard deviations, that one step of a category stands for; age carries what is left."""
AGE_NOISE = 0.25
"""Share of age, in standard deviations, that has nothing to do with the latent."""
AGE_LIMITS = (18, 95)

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class ClinicalValues:
    """Values of a division, a patient a place; codes index SEXES, SMOKING and FAMILY_HISTORY, UNKNOWN is -1."""

    age: Codes
    sex: Codes
    smoking: Codes
    family_history: Codes


def by_rank(liability: Floats, counts: Sequence[int], unknown: int, rng: np.random.Generator) -> Codes:
    """Category codes with exactly the given counts: lowest liabilities first, `unknown` patients at random."""
    codes = np.full(liability.size, UNKNOWN, dtype=np.int64)
    known = np.sort(rng.permutation(liability.size)[unknown:])
    order = known[np.argsort(liability[known], kind="stable")]
    codes[order] = np.repeat(np.arange(len(counts)), counts)
    return codes


def _liabilities(latent: Floats, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    own = rng.standard_normal((3, latent.size))
    shared = SEX_TO_SMOKING * own[0] + math.sqrt(1 - SEX_TO_SMOKING**2) * own[1]
    rest = math.sqrt(1 - LOADING**2)
    sex, smoking, history = (LOADING * latent + rest * noise for noise in (own[0], shared, own[2]))
    return sex, smoking, history


def _carried(codes: Codes, counts: Sequence[int], step: float) -> Floats:
    """What a category says about the latent; an unknown one says nothing."""
    mean = sum(code * count for code, count in enumerate(counts)) / sum(counts)
    return np.where(codes == UNKNOWN, 0.0, step * (codes - mean))


def standardised(values: Floats) -> Floats:
    """Mean 0 and SD 1; zeros where all values are equal."""
    spread = values.std(ddof=1) if values.size > 1 else 0.0
    return np.asarray((values - values.mean()) / spread) if spread > 0 else np.zeros_like(values)


def _ages(remainder: Floats, counts: Counts, rng: np.random.Generator) -> Codes:
    spread = standardised(standardised(remainder) + AGE_NOISE * rng.standard_normal(remainder.size))
    years = np.rint(counts.age_mean + counts.age_sd * spread)
    return np.clip(years, *AGE_LIMITS).astype(np.int64)


def assign_clinical(latent: Floats, counts: Counts, rng: np.random.Generator) -> ClinicalValues:
    """Age, sex, smoking and family history of a division from its clinical latent.

    Categories go by the rank of a noisy latent, so their counts are those asked for; age carries what the three
    categories leave of the latent. Sum of steps and age then gives the latent back, but for AGE_NOISE and whole years.
    """
    scaled = standardised(latent)
    liabilities = _liabilities(scaled, rng)
    sex = by_rank(liabilities[0], counts.sex, 0, rng)
    smoking = by_rank(liabilities[1], counts.smoking, counts.smoking_unknown, rng)
    history = by_rank(liabilities[2], counts.family_history, counts.family_history_unknown, rng)
    carried = (
        _carried(sex, TOTAL.sex, STEP["sex"])
        + _carried(smoking, TOTAL.smoking, STEP["smoking"])
        + _carried(history, TOTAL.family_history, STEP["family_history"])
    )
    return ClinicalValues(_ages(scaled - carried, counts, rng), sex, smoking, history)
