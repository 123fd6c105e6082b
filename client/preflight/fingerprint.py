"""Whether two CT are one: exactly, by a hash of the voxels, or nearly, by the fine detail around the tumour.

The detail is what a patient has of his own: density in a cube around the tumour less its surroundings, each place
weighed by how much happens there. Real CT of different patients agree to 0.06 at most, synthetic ones to 0.30; a copy
that was resampled to 1.5 mm, cropped, given noise of 20 HU or another outline agrees to 0.76 or more (13 real CT and 40
synthetic ones, tests/client/preflight/test_preflight_twice.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter

from client.volumes import Volume

SAME = 0.68
"""From this agreement on two CT are named as one."""
EDGE_MM, CELLS = 48.0, 24
"""The cube around the tumour, and its cells along each edge."""
_SAMPLES = 2
_SURROUNDINGS, _NEIGHBOURHOOD, _FLOOR_HU = 1.0, 1.0, 10.0
"""In cells: what is taken off, and over what it is weighed; noise below the floor counts less."""
_OUTSIDE_HU = -1e5
_SHOWN_HU = (-1000.0, 400.0)
_STEPS, _UNKNOWN = 40, -128
_LEAST_COMMON = 0.1
_AT_A_TIME = 256


def content_sha256(image: sitk.Image) -> str:
    """SHA-256 of the size and the voxels as int16, whatever the file's format, compression and header."""
    voxels = sitk.GetArrayViewFromImage(image)
    digest = hashlib.sha256(repr(image.GetSize()).encode())
    for one in voxels:
        digest.update(np.clip(np.rint(one), -32768, 32767).astype("<i2").tobytes())
    return digest.hexdigest()


def detail(volume: Volume) -> np.ndarray:
    """Fine detail around the tumour's centre: int8 (24, 24, 24), -128 where the CT does not reach."""
    hounsfield, known = _cube(volume)
    weight = known.astype(np.float32)
    residual = np.where(known, hounsfield - _smoothed(hounsfield, weight, _SURROUNDINGS), 0)
    strength = np.sqrt(_smoothed(residual**2, weight, _NEIGHBOURHOOD))
    steps = np.clip(np.rint(residual / (strength + _FLOOR_HU) * _STEPS), -127, 127)
    return np.where(known, steps, _UNKNOWN).astype(np.int8)


def _smoothed(values: np.ndarray, weight: np.ndarray, cells: float) -> np.ndarray:
    smooth: np.ndarray = gaussian_filter(values * weight, cells) / np.maximum(gaussian_filter(weight, cells), 1e-3)
    return smooth


def _cube(volume: Volume) -> tuple[np.ndarray, np.ndarray]:
    """HU in the cells of the cube, and which of them lie wholly in the CT."""
    image, length = volume.image, CELLS * _SAMPLES
    step = EDGE_MM / length
    marked = np.argwhere(sitk.GetArrayViewFromImage(volume.mask))
    centre = image.TransformContinuousIndexToPhysicalPoint([float(value) for value in marked.mean(axis=0)[::-1]])
    turned = np.array(image.GetDirection()).reshape(3, 3)
    corner = np.array(centre) - turned @ np.full(3, step * (length - 1) / 2)
    sampled = sitk.Resample(
        image,
        [length] * 3,
        sitk.Transform(),
        sitk.sitkLinear,
        corner.tolist(),
        [step] * 3,
        image.GetDirection(),
        _OUTSIDE_HU,
        sitk.sitkFloat32,
    )
    values = sitk.GetArrayFromImage(sampled)
    inside = values > _OUTSIDE_HU / 2
    known = _cells(inside.astype(np.float32)) > 0.99
    return np.where(known, _cells(np.where(inside, values, 0).clip(*_SHOWN_HU)), 0), known


def _cells(values: np.ndarray) -> np.ndarray:
    blocks = values.reshape((CELLS, _SAMPLES) * 3)
    means: np.ndarray = blocks.mean(axis=(1, 3, 5))
    return means


def alike(details: Sequence[np.ndarray]) -> Iterator[tuple[int, int, float]]:
    """Pairs of details that agree to SAME or more, with the agreement: a cosine over the cells that both know."""
    for first in range(0, len(details), _AT_A_TIME):
        block = _block(details, first)
        for second in range(first, len(details), _AT_A_TIME):
            agreement = _cosines(block, block if second == first else _block(details, second))
            for row, column in np.argwhere(agreement >= SAME):
                one, other = first + int(row), second + int(column)
                if one < other:
                    yield one, other, float(agreement[row, column])


@dataclass(frozen=True, eq=False)
class _Block:
    """Details a row each, float32, 0 where nothing is known; which cells are known; whether all are."""

    values: np.ndarray
    known: np.ndarray
    whole: bool


def _block(details: Sequence[np.ndarray], start: int) -> _Block:
    rows = np.stack([one.ravel() for one in details[start : start + _AT_A_TIME]])
    known = rows != _UNKNOWN
    return _Block(np.where(known, rows, 0).astype(np.float32), known, bool(known.all()))


def _cosines(first: _Block, second: _Block) -> np.ndarray:
    a, b = first.values, second.values
    if first.whole and second.whole:
        energy = np.square(a).sum(axis=1)[:, None] * np.square(b).sum(axis=1)
        common = np.ones(energy.shape, bool)
    else:
        known_a, known_b = first.known.astype(np.float32), second.known.astype(np.float32)
        energy = (a**2 @ known_b.T) * (known_a @ (b**2).T)
        common = known_a @ known_b.T >= _LEAST_COMMON * a.shape[1]
    return np.where(common & (energy > 0), (a @ b.T) / np.sqrt(np.maximum(energy, 1e-12)), 0)
