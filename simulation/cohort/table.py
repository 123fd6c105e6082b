"""The patients of a synthetic cohort: who they are, what is known of them, and the latents behind their images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from client.site import COHORT_COLUMNS
from common.study import Signal, Study, Synthetic
from simulation.cohort import clinical, published_counts
from simulation.cohort.acquisition import SOFT_KERNEL, Acquisition, Scanners, draw_acquisition
from simulation.cohort.latents import Floats, draw_latents, latent_score
from simulation.cohort.published_counts import Counts, largest_remainder, resized
from simulation.cohort.seeds import Stream, generator
from simulation.cohort.survival import draw_outcome, log_hazard
from simulation.cohort.volume import Subject

DIVISIONS = ("training", "validation", "test", "immunotherapy", "low_quality")
"""Parts of the cohort in the order of their patient numbers, by their keys in the study."""
NEGATIVE_ZERO_SHARE = 0.45
"""Part of the negative patients with a TPS of 0."""
NEGATIVE_SKEW = 1.8
"""Power that brings the other negative patients nearer to 0."""


@dataclass(frozen=True)
class Group:
    """One division of the cohort and its size."""

    cohort: str
    split: str
    published: Counts
    patients: int


@dataclass(frozen=True)
class Cohort:
    """The table as cohort.csv holds it, and beside it what the images are made from."""

    table: pd.DataFrame
    subjects: tuple[Subject, ...]


@dataclass(frozen=True)
class Patients:
    """Everyone in the cohort, a place each, before a CT is taken."""

    table: pd.DataFrame
    """The columns that do not come from the images."""
    latents: Floats
    """Border, texture and clinical (n x 3)."""
    divisions: NDArray[np.int64]
    """Place of each patient's division in DIVISIONS."""


def groups(synthetic: Synthetic) -> tuple[Group, ...]:
    """The divisions in the order of their patient numbers."""
    return (
        Group("expression", "training", published_counts.TRAINING, synthetic.training),
        Group("expression", "validation", published_counts.VALIDATION, synthetic.validation),
        Group("expression", "test", published_counts.TEST, synthetic.test),
        Group("immunotherapy", "", published_counts.IMMUNOTHERAPY, synthetic.immunotherapy),
        Group("expression", "training", published_counts.TOTAL, synthetic.low_quality),
    )


def draw_tps(positive: NDArray[np.bool_], label_tps: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Whole TPS in percent on the right side of the threshold; within a class it knows nothing of the latents."""
    threshold = math.ceil(label_tps)
    share = rng.uniform(size=positive.size)
    high = threshold + np.floor(share * (101 - threshold))
    spread = np.maximum(share - NEGATIVE_ZERO_SHARE, 0) / (1 - NEGATIVE_ZERO_SHARE)
    low = np.floor(spread**NEGATIVE_SKEW * threshold)
    return np.where(positive, high, low).astype(np.int64)


def _exact(labels: tuple[str, ...], shares: tuple[int, ...], total: int, rng: np.random.Generator) -> list[str]:
    counts = largest_remainder(shares, total=total)
    return [labels[code] for code in rng.permutation(np.repeat(np.arange(len(labels)), counts))]


def _words(codes: NDArray[np.int64], words: tuple[str, ...]) -> list[str]:
    return ["" if code == clinical.UNKNOWN else words[code] for code in codes]


def _outcome_columns(
    latents: Floats, age: NDArray[np.int64], signal: Signal, counts: Counts, rng: np.random.Generator
) -> dict[str, object]:
    score = latent_score(latents, signal, prevalence=counts.positive / counts.patients)
    events = round(counts.patients * published_counts.EVENT_SHARE)
    outcome = draw_outcome(log_hazard(score, age, signal), rng, events=events)
    treatment = _exact(published_counts.TREATMENTS, published_counts.TREATMENT_COUNTS, counts.patients, rng)
    return {"treatment": treatment, "pfs_days": outcome.days, "progressed": outcome.progressed}


def _group_table(group: Group, number: int, study: Study, signal: Signal) -> tuple[pd.DataFrame, Floats]:
    """The columns of one division that do not come from the images, and its latents (n x 3)."""
    counts = resized(group.published, patients=group.patients)
    latent_rng = generator(study.seed, Stream.LATENTS, number)
    positive = latent_rng.permutation(np.arange(counts.patients) < counts.positive)
    latents = draw_latents(positive, signal, latent_rng)
    values = clinical.assign_clinical(latents[:, 2], counts, generator(study.seed, Stream.CLINICAL, number))
    columns: dict[str, object] = {
        "cohort": group.cohort,
        "split": group.split,
        "tps": draw_tps(positive, study.cohort.label_tps, generator(study.seed, Stream.TPS, number)),
        "age": values.age,
        "sex": _words(values.sex, clinical.SEXES),
        "smoking": _words(values.smoking, clinical.SMOKING),
        "family_history": _words(values.family_history, clinical.FAMILY_HISTORY),
    }
    if group.cohort == "immunotherapy":
        survival_rng = generator(study.seed, Stream.SURVIVAL, number)
        columns |= _outcome_columns(latents, values.age, signal, counts, survival_rng)
    return pd.DataFrame(columns, index=range(counts.patients), dtype=object), latents


def _acquisitions(divisions: NDArray[np.int64], study: Study, scanners: Sequence[Scanners]) -> list[Acquisition]:
    excluded = study.cohort.excluded_kernels[0] if study.cohort.excluded_kernels else SOFT_KERNEL
    soft = divisions == DIVISIONS.index("low_quality")
    return [
        draw_acquisition(
            generator(study.seed, Stream.ACQUISITION, place + 1),
            soft_kernel=excluded if soft[place] else None,
            scanners=scanners[place],
        )
        for place in range(divisions.size)
    ]


def _add_images(table: pd.DataFrame, acquisitions: list[Acquisition]) -> None:
    table["patient_id"] = [f"P{number:04d}" for number in range(1, len(table) + 1)]
    table["image"] = "images/" + table["patient_id"] + "_ct.nii"
    table["mask"] = "images/" + table["patient_id"] + "_mask.nii.gz"
    table["manufacturer"] = [item.manufacturer for item in acquisitions]
    table["convolution_kernel"] = [item.kernel for item in acquisitions]
    table["tube_current_ma"] = [item.tube_current_ma for item in acquisitions]
    table["slice_thickness_mm"] = [f"{item.slice_thickness_mm:g}" for item in acquisitions]


def draw_patients(study: Study, synthetic: Synthetic) -> Patients:
    """Everyone in the synthetic cohort; the same study and seed always give the same patients."""
    present = [(number, group) for number, group in enumerate(groups(synthetic)) if group.patients]
    drawn = [_group_table(group, number, study, synthetic.signal) for number, group in present]
    table = pd.concat([part for part, _ in drawn], ignore_index=True)
    latents = np.concatenate([part for _, part in drawn])
    return Patients(table, latents, np.repeat([number for number, _ in present], [len(part) for part, _ in drawn]))


def with_scans(patients: Patients, study: Study, scanners: Sequence[Scanners]) -> Cohort:
    """The patients with the CT that each one's scanners take; `scanners` has an entry a patient."""
    acquisitions = _acquisitions(patients.divisions, study, scanners)
    table = patients.table.copy()
    _add_images(table, acquisitions)
    subjects = tuple(
        Subject(str(patient_id), number, study.seed, float(latent[0]), float(latent[1]), acquisition)
        for number, (patient_id, latent, acquisition) in enumerate(
            zip(table["patient_id"], patients.latents, acquisitions, strict=True), start=1
        )
    )
    return Cohort(table.reindex(columns=list(COHORT_COLUMNS)), subjects)


def draw_cohort(study: Study, synthetic: Synthetic) -> Cohort:
    """The whole synthetic cohort as that of one site; the same study and seed always give the same patients."""
    patients = draw_patients(study, synthetic)
    return with_scans(patients, study, [Scanners()] * len(patients.table))


def scaled(synthetic: Synthetic, *, patients: int) -> Synthetic:
    """The same cohort with `patients` in all, divided in proportion; every division that had any keeps at least one."""
    sizes = {name: int(getattr(synthetic, name)) for name in DIVISIONS if getattr(synthetic, name)}
    total = max(patients, len(sizes))
    shares = dict(zip(sizes, largest_remainder(list(sizes.values()), total=total), strict=True))
    while not all(shares.values()):
        # The smallest parts can round to nothing; the largest gives one up.
        empty = next(name for name, share in shares.items() if share == 0)
        shares[empty] += 1
        shares[max(shares, key=lambda name: shares[name])] -= 1
    return synthetic.model_copy(update=shares)
