"""What was computed of a patient, one file each, found again by content and settings."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from client.known_digests import Digest, file_sha256
from common import atomic
from common.settings_hash import settings_json
from common.study import Patches, Radiomics, Resampling

EXTRACTION_VERSION = 2
"""Raised whenever this code computes another number from the same bytes and settings."""


@dataclass(frozen=True)
class Recipe:
    """All settings that decide the features and patches of a patient."""

    resampling: Resampling
    patches: Patches
    radiomics: Radiomics

    @cached_property
    def json(self) -> str:
        """Canonical JSON: sorted keys, no spaces."""
        return settings_json(self.resampling, self.patches, self.radiomics)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the canonical JSON."""
        return hashlib.sha256(self.json.encode()).hexdigest()


@dataclass(frozen=True)
class Record:
    """One patient: feature values float64 (n,), patches uint8 (slices, size, size), reasons of missing values."""

    values: np.ndarray
    patches: np.ndarray
    not_computed: dict[str, str]


def record_key(image: Path, mask: Path, recipe: Recipe, digest: Digest = file_sha256) -> str:
    """Name of a patient's record: SHA-256 of image, mask, settings and the code that computes; OSError."""
    code = [EXTRACTION_VERSION, version("pyradiomics"), version("SimpleITK")]
    return content_key(image, mask, [recipe.json, code], digest)


def content_key(image: Path, mask: Path, made_by: list[Any], digest: Digest = file_sha256) -> str:
    """SHA-256 of image, mask, and what is made of them by which settings and code; OSError when one cannot be read."""
    return hashlib.sha256(digest(image) + digest(mask) + json.dumps(made_by).encode()).hexdigest()


def record_path(cache: Path, key: str) -> Path:
    """Where the record of that name lies."""
    return cache / "patients" / f"{key}.npz"


def save_record(path: Path, record: Record) -> None:
    """Write a record in one step, without pickle."""
    buffer = io.BytesIO()
    reasons = np.frombuffer(json.dumps(record.not_computed).encode(), dtype=np.uint8)
    np.savez(buffer, values=record.values, patches=record.patches, reasons=reasons)
    atomic.write_bytes(path, buffer.getvalue())


def load_record(path: Path, recipe: Recipe, *, features: int) -> Record | None:
    """Read a record; None when there is none or it is damaged."""
    edge, slices = recipe.patches.size_pixels, recipe.patches.slices
    try:
        with np.load(path, allow_pickle=False) as file:
            values, patches = file["values"], file["patches"]
            reasons = json.loads(file["reasons"].tobytes())
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None
    fits = values.shape == (features,) and patches.shape == (slices, edge, edge)
    return Record(values, patches, reasons) if fits and patches.dtype == np.uint8 else None
