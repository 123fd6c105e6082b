"""Whether two CT are one: exactly, by a hash of the voxels, or nearly, by the fine detail around the tumour.

The detail is what a patient has of his own: density in a cube around the tumour less its surroundings, each place
weighed by how much happens there. Real CT of different patients agree to 0.06 at most, synthetic ones to 0.30; a copy
that was resampled to 1.5 mm, cropped, given noise of 20 HU or another outline agrees to 0.76 or more (13 real CT and 40
synthetic ones, tests/client/preflight/test_preflight_twice.py).
"""

from __future__ import annotations

import hashlib

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter

from client.volumes import Volume

EDGE_MM, CELLS = 48.0, 24
"""The cube around the tumour, and its cells along each edge."""
_SAMPLES = 2
_SURROUNDINGS, _NEIGHBOURHOOD, _FLOOR_HU = 1.0, 1.0, 10.0
"""In cells: what is taken off, and over what it is weighed; noise below the floor counts less."""
_OUTSIDE_HU = -1e5
_SHOWN_HU = (-1000.0, 400.0)
_STEPS = 40
UNKNOWN = -128
"""Marks a cell that the CT does not reach."""


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
    return np.where(known, steps, UNKNOWN).astype(np.int8)


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
