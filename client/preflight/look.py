"""What a worker sees of one patient: small numbers, a thumbnail and a fingerprint; the images stay in the worker."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from client.extraction_task import Refusal, refusal
from client.preflight.body import pieces, share_in_outside_air
from client.preflight.fingerprint import content_sha256, detail
from client.preflight.thumbnail import Thumbnail, thumbnail
from client.resampling import PAD_VOXELS, resample
from client.synthetic import is_synthetic
from client.volumes import Volume, read_volume
from common.study import Resampling

LOWEST_HU = -1024
AIR_HU = (-1050.0, -900.0)


@dataclass(frozen=True)
class Task:
    """One patient to look at."""

    image: Path
    mask: Path
    resampling: Resampling
    window_hu: tuple[float, float]


@dataclass(frozen=True)
class Hounsfield:
    """Range of a CT, and what of it is air, below -1024 HU, and below -1024 HU near the tumour (shares)."""

    lowest: float
    highest: float
    air_share: float
    below_share: float
    below_share_near: float


@dataclass(frozen=True)
class Tumour:
    """A mask: ml, voxels, axial slices, sides of the image it touches, pieces and their gap, share in outside air."""

    ml: float
    voxels: int
    slices: int
    touches: tuple[str, ...]
    pieces: int
    gap_mm: float
    outside_share: float


@dataclass(frozen=True, eq=False)
class Look:
    """One patient's CT and mask; `spacing_mm` and `size` are x, y, z."""

    size: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    hounsfield: Hounsfield
    tumour: Tumour
    content_sha256: str
    detail: np.ndarray
    thumbnail: Thumbnail
    synthetic: bool


def look(task: Task) -> Look | Refusal:
    """Try one patient's image and mask as far as resampling and look at them; raises nothing."""
    try:
        volume = read_volume(task.image, task.mask)
        resample(volume, task.resampling)
        return _seen(volume, task)
    except Exception as error:
        return refusal(error, image=task.image, mask=task.mask)


def _seen(volume: Volume, task: Task) -> Look:
    image = volume.image
    voxels, marked = sitk.GetArrayViewFromImage(image), sitk.GetArrayViewFromImage(volume.mask).astype(bool)
    spacing = tuple(image.GetSpacing())
    return Look(
        size=image.GetSize(),
        spacing_mm=image.GetSpacing(),
        hounsfield=hounsfield(voxels, marked),
        tumour=tumour(voxels, marked, spacing),
        content_sha256=content_sha256(image),
        detail=detail(volume),
        thumbnail=thumbnail(volume, window_hu=task.window_hu),
        synthetic=is_synthetic(task.image),
    )


def hounsfield(voxels: np.ndarray, marked: np.ndarray) -> Hounsfield:
    """Range and shares of a CT (z, y, x) with its mask."""
    places = np.nonzero(marked)
    near = voxels[tuple(slice(max(0, int(one.min()) - PAD_VOXELS), int(one.max()) + 1 + PAD_VOXELS) for one in places)]
    low, high = AIR_HU
    return Hounsfield(
        lowest=float(voxels.min()),
        highest=float(voxels.max()),
        air_share=float(np.mean((voxels >= low) & (voxels <= high))),
        below_share=float(np.mean(voxels < LOWEST_HU)),
        below_share_near=float(np.mean(near < LOWEST_HU)),
    )


def tumour(voxels: np.ndarray, marked: np.ndarray, spacing: tuple[float, ...]) -> Tumour:
    """Size, place and pieces of a mask (z, y, x) in its CT; spacing x, y, z in mm."""
    count, apart = int(np.count_nonzero(marked)), pieces(marked, spacing)
    return Tumour(
        ml=count * float(np.prod(spacing)) / 1000,
        voxels=count,
        slices=int(np.count_nonzero(marked.any(axis=(1, 2)))),
        touches=_touched(marked),
        pieces=apart.count,
        gap_mm=apart.gap_mm,
        outside_share=share_in_outside_air(voxels, marked, spacing),
    )


def _touched(marked: np.ndarray) -> tuple[str, ...]:
    """Axes at whose first or last voxel the mask ends, x first."""
    ends = {axis: marked.take([0, -1], axis=place).any() for place, axis in zip((2, 1, 0), "xyz", strict=True)}
    return tuple(axis for axis, touched in ends.items() if touched)
