"""An axial slice of CT around a tumour, as radiology displays it, with room for maps on the study's grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from client.patches import Box
from client.volumes import Volume

CONTEXT_MM = 25.0
"""What is shown of the CT on each side of the box."""
AIR_HU = -1024.0


@dataclass(frozen=True)
class Canvas:
    """The slice in HU (y, x), where the resampled volume's first pixel lies in it, and how it is turned for display."""

    hounsfield: np.ndarray
    top: int
    left: int
    upside_down: bool
    mirrored: bool

    def place(self, values: np.ndarray) -> np.ndarray:
        """A map (y, x) on the resampled volume's grid as part of the displayed slice; NaN around it."""
        whole = np.full(self.hounsfield.shape, np.nan)
        rows, columns = values.shape
        whole[self.top : self.top + rows, self.left : self.left + columns] = values
        return self.displayed(whole)

    def displayed(self, values: np.ndarray) -> np.ndarray:
        """The patient's front at the top and right side on the left, where the file has it otherwise."""
        return values[:: -1 if self.upside_down else 1, :: -1 if self.mirrored else 1]

    def place_box(self, box: Box) -> Box:
        """A box of the resampled volume in the displayed slice."""
        rows, columns = self.hounsfield.shape
        top, bottom = _turned(self.top + box.top, self.top + box.bottom, rows, turn=self.upside_down)
        left, right = _turned(self.left + box.left, self.left + box.right, columns, turn=self.mirrored)
        return Box(box.slice, top, bottom, left, right)


def canvas_around(whole: Volume, resampled: Volume, box: Box) -> Canvas:
    """A square of the box's slice with CONTEXT_MM on each side of the box, as far as the CT goes.

    Around the resampled volume, which ends near the tumour, the CT is interpolated linearly on the same grid.
    """
    image = resampled.image
    step_x, step_y, _ = image.GetSpacing()
    edge_mm = max((box.right - box.left) * step_x, (box.bottom - box.top) * step_y) + 2 * CONTEXT_MM
    across = _span(0, (box.left + box.right) / 2, edge_mm, whole.image, image)
    down = _span(1, (box.top + box.bottom) / 2, edge_mm, whole.image, image)
    around = sitk.Resample(
        whole.image,
        (across[1] - across[0], down[1] - down[0], 1),
        sitk.Transform(),
        sitk.sitkLinear,
        image.TransformIndexToPhysicalPoint((across[0], down[0], box.slice)),
        image.GetSpacing(),
        image.GetDirection(),
        AIR_HU,
        sitk.sitkFloat64,
    )
    hounsfield = sitk.GetArrayFromImage(around)[0]
    width, height, _ = image.GetSize()
    seen = sitk.GetArrayViewFromImage(image)[box.slice]
    hounsfield[-down[0] : height - down[0], -across[0] : width - across[0]] = seen
    direction = image.GetDirection()
    return Canvas(hounsfield, -down[0], -across[0], upside_down=direction[4] < 0, mirrored=direction[0] < 0)


def _span(axis: int, centre: float, edge_mm: float, whole: sitk.Image, image: sitk.Image) -> tuple[int, int]:
    """First index and the one behind the last, on the image's grid; at least the image itself, at most the CT."""
    half = edge_mm / image.GetSpacing()[axis] / 2
    corners = [whole.TransformIndexToPhysicalPoint(index) for index in ((0, 0, 0), [n - 1 for n in whole.GetSize()])]
    ends = sorted(image.TransformPhysicalPointToContinuousIndex(corner)[axis] for corner in corners)
    start, stop = max(centre - half, ends[0]), min(centre + half, ends[1] + 1)
    return min(round(start), 0), max(round(stop), image.GetSize()[axis])


def _turned(first: int, behind: int, length: int, *, turn: bool) -> tuple[int, int]:
    return (length - behind, length - first) if turn else (first, behind)
