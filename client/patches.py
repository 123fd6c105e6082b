"""What the network sees of a tumour: three slices, cut out and scaled to one size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from client.volumes import Volume
from common.study import Patches


@dataclass(frozen=True)
class Box:
    """A rectangle in one axial slice of a (z, y, x) array; bottom and right are the first index outside."""

    slice: int
    top: int
    bottom: int
    left: int
    right: int


def tumour_box(mask: np.ndarray, *, margin: int) -> Box:
    """Bounding box, with a margin, in the axial slice of largest tumour area.

    The mask is a (z, y, x) array, non-zero inside; of slices with equal area the first is taken; the margin, in
    pixels, ends at the volume's edge (paper, Delineation of the ROI). ValueError when the mask is empty.
    """
    largest = int(np.argmax(np.count_nonzero(mask, axis=(1, 2))))
    rows, columns = np.nonzero(mask[largest])
    if len(rows) == 0:
        raise ValueError("the mask is empty")
    return Box(
        slice=largest,
        top=max(0, int(rows.min()) - margin),
        bottom=min(mask.shape[1], int(rows.max()) + 1 + margin),
        left=max(0, int(columns.min()) - margin),
        right=min(mask.shape[2], int(columns.max()) + 1 + margin),
    )


def extract_patches(volume: Volume, settings: Patches) -> np.ndarray:
    """Cut the tumour's slices from a resampled volume.

    Returns uint8 (slices, size, size): the lower neighbour, the slice of largest area, the upper neighbour (at the
    volume's edge the nearest there is), or that slice alone; 0 is the window's lower end, 255 its upper.
    """
    voxels = sitk.GetArrayFromImage(volume.image).astype(np.float64)
    box = tumour_box(sitk.GetArrayFromImage(volume.mask), margin=settings.margin_pixels)
    offsets = (-1, 0, 1) if settings.slices == 3 else (0,)
    chosen = np.clip([box.slice + offset for offset in offsets], 0, len(voxels) - 1)
    cut = voxels[chosen, box.top : box.bottom, box.left : box.right]
    low, high = settings.window_hu
    grey = np.clip((cut - low) / (high - low), 0, 1) * 255
    down = resize_matrix(grey.shape[1], settings.size_pixels)
    across = resize_matrix(grey.shape[2], settings.size_pixels)
    patches: np.ndarray = np.rint(down @ grey @ across.T).clip(0, 255).astype(np.uint8)
    return patches


def resize_matrix(old: int, new: int) -> np.ndarray:
    """Weights (new, old) that resize a line of pixels linearly.

    Pixels are areas, so both lines cover the same length; when the line gets shorter the triangle is widened by
    that factor, which averages over what falls together (anti-aliasing). Every row adds up to 1.
    """
    scale = old / new
    width = max(scale, 1.0)
    centres = (np.arange(new) + 0.5) * scale
    weights: np.ndarray = np.maximum(0, 1 - np.abs(np.arange(old) + 0.5 - centres[:, None]) / width)
    weights /= weights.sum(axis=1, keepdims=True)
    return weights
