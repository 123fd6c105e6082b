"""Where the body and the tumour lie in a CT: pure functions on (z, y, x) arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

BODY_HU = -300
"""Skin and muscle are denser, fat barely less, lung and air are not."""
AIR_HU = -900
GRID_MM = 2.5
"""Voxel size on which the body is looked for; a body is hundreds of millimetres wide."""


@dataclass(frozen=True)
class Pieces:
    """Pieces of a mask that do not touch: how many, and the widest gap to the largest one in mm."""

    count: int
    gap_mm: float


def body(hounsfield: np.ndarray) -> np.ndarray:
    """The largest connected part above BODY_HU with what it encloses in each axial slice; bool (z, y, x)."""
    dense = hounsfield > BODY_HU
    labels, count = ndimage.label(dense)
    if count > 1:
        dense = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    return np.stack([ndimage.binary_fill_holes(one) for one in dense])


def outside_air(hounsfield: np.ndarray) -> np.ndarray:
    """Air (below AIR_HU) not within the body that reaches the side of an axial slice; bool (z, y, x)."""
    air = (hounsfield < AIR_HU) & ~body(hounsfield)
    labels, _ = ndimage.label(air, structure=_IN_SLICE)
    sides = np.zeros(air.shape, dtype=bool)
    sides[:, [0, -1], :] = sides[:, :, [0, -1]] = True
    reaching = np.unique(labels[sides & air])
    found: np.ndarray = np.isin(labels, reaching[reaching > 0])
    return found


def steps(spacing: tuple[float, ...]) -> tuple[int, ...]:
    """Every how many voxels are looked at along z, y, x, for a grid of about GRID_MM; `spacing` is x, y, z in mm."""
    return tuple(max(1, round(GRID_MM / step)) for step in reversed(spacing))


def share_in_outside_air(hounsfield: np.ndarray, tumour: np.ndarray, spacing: tuple[float, ...]) -> float:
    """Part of the tumour's voxels that are air outside the body; arrays (z, y, x), spacing x, y, z in mm."""
    every = steps(spacing)
    air = outside_air(hounsfield[tuple(slice(None, None, step) for step in every)])
    places = np.nonzero(tumour)
    coarse = tuple(
        np.minimum(index // step, length - 1) for index, step, length in zip(places, every, air.shape, strict=True)
    )
    return float(np.mean(air[coarse] & (hounsfield[places] < AIR_HU)))


def pieces(tumour: np.ndarray, spacing: tuple[float, ...]) -> Pieces:
    """Count the pieces of a mask (z, y, x); the gap is between boxes around them, spacing x, y, z in mm."""
    box = ndimage.find_objects(tumour.astype(np.uint8))[0]
    labels, count = ndimage.label(tumour[box], structure=np.ones((3, 3, 3)))
    if count == 1:
        return Pieces(1, 0.0)
    largest = int(np.argmax(np.bincount(labels.ravel())[1:]))
    boxes = np.array([[(one.start, one.stop - 1) for one in place] for place in ndimage.find_objects(labels)])
    first, last = boxes[..., 0], boxes[..., 1]
    apart = np.maximum(0, np.maximum(first - last[largest], first[largest] - last))
    return Pieces(count, float(np.linalg.norm(apart * np.array(spacing[::-1]), axis=1).max()))


_IN_SLICE = np.zeros((3, 3, 3))
_IN_SLICE[1] = ndimage.generate_binary_structure(2, 1)
