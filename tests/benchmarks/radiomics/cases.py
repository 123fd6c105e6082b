"""The tumours that are measured: real CT and masks, mirrored outwards until they fill a whole chest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import SimpleITK as sitk

DATA = Path(__file__).parents[4] / "shared" / "data"
COLLECTIONS = ("lung_ct", "sarcoma_ct")
ABSENT = "../shared/data is absent"
MATRIX, LENGTH_MM = 512, 300.0
"""Voxels across, and length, of a chest CT."""


@dataclass(frozen=True)
class Case:
    """A tumour with its CT; `aim` is how many times faster than plain PyRadiomics its extraction shall be."""

    name: str
    sentence: str
    aim: float | None
    make: Callable[[], tuple[sitk.Image, sitk.Image]]
    real: bool = True


@dataclass(frozen=True)
class Patient:
    """Files of a case on disk, and how many voxels of 1 mm its mask holds."""

    case: Case
    image: Path
    mask: Path
    voxels: int


def write_patients(folder: Path, cases: list[Case]) -> list[Patient]:
    """Write image and mask of each case as a hospital keeps them, int16 HU in compressed NIfTI."""
    found = []
    for case in cases:
        image, mask = case.make()
        paths = folder / f"{case.name}-image.nii.gz", folder / f"{case.name}-mask.nii.gz"
        for one, path in zip((image, mask), paths, strict=True):
            sitk.WriteImage(one, str(path), useCompression=True)
        volume_mm3 = float(np.prod(image.GetSpacing())) * int(sitk.GetArrayViewFromImage(mask).sum())
        found.append(Patient(case, *paths, voxels=round(volume_mm3)))
    return found


def full_cases() -> list[Case]:
    """Real tumours from 1000 to 400 000 voxels, and a made-up one of a million in a real CT."""
    return [
        Case("1k", "real, PYRAD-lung1", 10, lambda: _chest("lung_ct", "PYRAD-lung1")),
        Case("14k", "real, PAT3", 6, lambda: _chest("lung_ct", "PAT3")),
        Case("48k", "real, STS_002", 9, lambda: _chest("sarcoma_ct", "STS_002")),
        Case("360k", "real, LUNG1-001 with voxels 1.32 times as wide", 8, lambda: _chest("lung_ct", "LUNG1-001", 1.32)),
        Case("1000k", "made-up ellipsoid in the CT of LUNG1-001", None, _ellipsoid),
    ]


def every_real_case() -> list[Case]:
    """A chest of each real tumour there is."""
    folders = [folder for name in COLLECTIONS for folder in sorted((DATA / name).glob("*/"))]
    return [Case(one.name, "real", None, partial(_chest, one.parent.name, one.name)) for one in folders]


def quick_cases() -> list[Case]:
    """One real tumour as it was cut out, and a made-up one."""
    return [
        Case("1k", "real, PYRAD-lung1, not mirrored", None, lambda: _cut_out("lung_ct", "PYRAD-lung1")),
        Case("made-up", "made-up ellipsoid in noise", None, lambda: made_up(voxels=2000), real=False),
    ]


def at_hand(cases: list[Case]) -> list[Case]:
    """Those whose data are there."""
    return [case for case in cases if DATA.is_dir() or not case.real]


def made_up(
    *, voxels: int, seed: int = 0, spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
) -> tuple[sitk.Image, sitk.Image]:
    """Noisy lung (int16 HU) with an ellipsoid of so many mm3 in its middle, 30 voxels from every border."""
    steps = np.array(spacing[::-1])
    radii = np.array([0.9, 1.0, 1.1]) * (3 * voxels / (4 * np.pi * 0.99)) ** (1 / 3) / steps
    size = 2 * np.ceil(radii + 30).astype(int) + 1
    inside = _inside(tuple(size), size // 2, radii)
    noise = np.random.default_rng(seed).normal(0, 45, inside.shape)
    return _images(np.where(inside, 40, -850) + noise, inside, spacing)


def _inside(shape: tuple[int, ...], middle: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Whether each voxel of a (z, y, x) array lies in an ellipsoid (voxels)."""
    axes = [
        ((np.arange(count) - centre) / radius) ** 2 for count, centre, radius in zip(shape, middle, radii, strict=True)
    ]
    found: np.ndarray = axes[0][:, None, None] + axes[1][None, :, None] + axes[2][None, None, :] <= 1
    return found


def _chest(collection: str, name: str, wider: float = 1.0) -> tuple[sitk.Image, sitk.Image]:
    image, mask = _cut_out(collection, name)
    spacing = tuple(step * wider for step in image.GetSpacing())
    return _mirrored(sitk.GetArrayViewFromImage(image), sitk.GetArrayViewFromImage(mask), spacing)


def _ellipsoid() -> tuple[sitk.Image, sitk.Image]:
    image, _ = _cut_out("lung_ct", "LUNG1-001")
    voxels, spacing = sitk.GetArrayViewFromImage(image), np.array(image.GetSpacing())
    inside = _inside(voxels.shape, np.array(voxels.shape) // 2, np.array([53.0, 65.0, 69.0]) / spacing[::-1])
    return _mirrored(voxels, inside, tuple(spacing))


def _cut_out(collection: str, name: str) -> tuple[sitk.Image, sitk.Image]:
    folder = DATA / collection / name
    image = sitk.ReadImage(str(next(folder.glob("*image.nii.gz"))))
    mask = sitk.ReadImage(str(sorted(folder.glob("*mask*"))[0]))
    whole = sitk.Round(sitk.Cast(image, sitk.sitkFloat32))
    return sitk.Cast(whole, sitk.sitkInt16), sitk.Cast(mask != 0, sitk.sitkUInt8)


def _mirrored(voxels: np.ndarray, inside: np.ndarray, spacing: tuple[float, ...]) -> tuple[sitk.Image, sitk.Image]:
    shape = np.maximum(voxels.shape, [round(LENGTH_MM / spacing[2]), MATRIX, MATRIX])
    before = (shape - voxels.shape) // 2
    wide = [(int(low), int(high)) for low, high in zip(before, shape - voxels.shape - before, strict=True)]
    return _images(np.pad(voxels, wide, mode="symmetric"), np.pad(inside, wide), spacing)


def _images(voxels: np.ndarray, inside: np.ndarray, spacing: tuple[float, ...]) -> tuple[sitk.Image, sitk.Image]:
    image = sitk.GetImageFromArray(np.rint(voxels).astype(np.int16))
    mask = sitk.GetImageFromArray(inside.astype(np.uint8))
    for one in (image, mask):
        one.SetSpacing(spacing)
    return image, mask
