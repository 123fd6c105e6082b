"""What a worker does with one patient; nothing heavier is imported than that needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from client.extraction_cache import Recipe, Record, save_record
from client.patches import extract_patches
from client.radiomics import extract_features
from client.resampling import resample
from client.volume_files import ImageError
from client.volumes import read_volume
from common.errors import DataError


@dataclass(frozen=True)
class Task:
    """One patient to compute, and where the record goes."""

    image: Path
    mask: Path
    recipe: Recipe
    target: Path


@dataclass(frozen=True)
class Refusal:
    """Why a patient goes to quarantine, and the file at fault."""

    file: Path
    reason: str


@dataclass(frozen=True)
class CannotWrite:
    """The cache took no record: not the patient's fault, and no patient after it will fare better."""

    reason: str


def compute_patient(task: Task) -> Record | Refusal | CannotWrite:
    """Compute one patient and write the record; raises nothing."""
    return keep(task, compute(task))


def compute(task: Task) -> Record | Refusal:
    """Compute one patient and write nothing; raises nothing."""
    try:
        return _compute(task)
    except Exception as error:
        return refusal(error, image=task.image, mask=task.mask)


def keep(task: Task, outcome: Record | Refusal) -> Record | Refusal | CannotWrite:
    """Write a record to its place in the cache; a refusal is passed on."""
    if isinstance(outcome, Refusal):
        return outcome
    try:
        save_record(task.target, outcome)
    except OSError as error:
        return CannotWrite(
            f"{task.target}: cannot be written ({error.strerror}); make room or permit it, then run again: it goes on"
        )
    return outcome


def _compute(task: Task) -> Record:
    volume = resample(read_volume(task.image, task.mask), task.recipe.resampling)
    patches = extract_patches(volume, task.recipe.patches)
    features = extract_features(volume, task.recipe.radiomics)
    return Record(features.values, patches, dict(features.not_computed))


def refusal(error: Exception, *, image: Path, mask: Path) -> Refusal:
    """Why a patient goes to quarantine, from what was raised."""
    if isinstance(error, ImageError):
        return Refusal(error.path, error.reason)
    if isinstance(error, DataError):
        return Refusal(mask, str(error))
    text = " ".join(str(error).split())[:300]
    return Refusal(
        image,
        f"{type(error).__name__} while it was computed ({text}); look at image and mask, or leave the patient out",
    )
