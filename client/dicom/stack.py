"""A series put in order along its normal, or the reason why its slices make no volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from client.dicom.errors import DicomError
from client.dicom.series import Series, Slice, one_orientation
from client.dicom.slice_rules import check_alike, check_tags
from client.dicom.spacing_rules import check_steps

LEAST_SLICES = 3
LEAST_AXIAL = 0.9
"""Least part of the slices' normal that runs from feet to head, for slices to be called axial."""
MOST_TILT_DEGREES = 0.1
"""Beyond this angle between the slices' normal and their way through the patient, a CT counts as tilted."""


@dataclass(frozen=True)
class Stack:
    """Slices from the lowest position along the normal up; origin in mm, spacing (x, y, z) in mm, axes as columns."""

    series: Series
    slices: tuple[Slice, ...]
    origin: np.ndarray
    axes: np.ndarray
    spacing: np.ndarray
    notes: tuple[str, ...]

    @property
    def size(self) -> tuple[int, int, int]:
        """Voxels along x, y and z."""
        file = self.slices[0].file
        return file.columns, file.rows, len(self.slices)

    def to_voxels(self, points: np.ndarray) -> np.ndarray:
        """Continuous voxel indices (n, 3) in x, y, z of points (n, 3) in mm."""
        indices: np.ndarray = (points - self.origin) @ self.axes / self.spacing
        return indices

    def height(self, index: float) -> float:
        """Position along the normal in mm of a continuous slice index."""
        return float(self.origin @ self.axes[:, 2] + index * self.spacing[2])


def stack_of(series: Series) -> Stack:
    """Put a series in order by position; DicomError says which slice breaks which rule, and where."""
    check_tags(series.slices)
    slices, others = one_orientation(series.slices)
    if len(slices) < LEAST_SLICES:
        raise DicomError(
            slices[0].path.parent,
            f"the CT series has {len(slices)} slice(s), a volume needs {LEAST_SLICES}; send the whole series",
        )
    check_alike(slices)
    _check_tilt_tag(slices)
    axes = _axes(slices[0])
    heights = np.array([np.array(one.frame.position) @ axes[:, 2] for one in slices])
    order = np.argsort(heights, kind="stable")
    slices, heights = [slices[index] for index in order], heights[order]
    check_steps(slices, heights)
    _check_tilt(slices, axes)
    between_rows, between_columns = slices[0].frame.spacing or (0.0, 0.0)
    step = (heights[-1] - heights[0]) / (len(heights) - 1)
    return Stack(
        series=series,
        slices=tuple(slices),
        origin=np.array(slices[0].frame.position),
        axes=axes,
        spacing=np.array([between_columns, between_rows, step]),
        notes=_notes(series, others, axes),
    )


def _axes(one: Slice) -> np.ndarray:
    row, column = np.array(one.frame.orientation).reshape(2, 3)
    row = row / np.linalg.norm(row)
    column = column - (column @ row) * row
    column = column / np.linalg.norm(column)
    return np.stack([row, column, np.cross(row, column)], axis=1)


def _check_tilt_tag(slices: Sequence[Slice]) -> None:
    tilted = max(slices, key=lambda one: abs(one.frame.tilt))
    if abs(tilted.frame.tilt) > MOST_TILT_DEGREES:
        _refuse_tilt(tilted, abs(tilted.frame.tilt), "GantryDetectorTilt (0018,1120)")


def _check_tilt(slices: Sequence[Slice], axes: np.ndarray) -> None:
    way = np.array(slices[-1].frame.position) - np.array(slices[0].frame.position)
    aside, along = np.linalg.norm(way @ axes[:, :2]), float(way @ axes[:, 2])
    angle = float(np.degrees(np.arctan2(aside, along)))
    if angle > MOST_TILT_DEGREES:
        _refuse_tilt(slices[0], angle, "its slices' positions")
    _check_line(slices, axes, way / (len(slices) - 1))


def _check_line(slices: Sequence[Slice], axes: np.ndarray, step: np.ndarray) -> None:
    """Each slice lies over the others, to a tenth of a voxel."""
    places = np.array([one.frame.position for one in slices])
    aside = (places - places[0] - np.arange(len(slices))[:, None] * step) @ axes[:, :2]
    worst = int(np.abs(aside).max(axis=1).argmax())
    shift = float(np.abs(aside[worst]).max())
    if shift > 0.1 * min(slices[0].frame.spacing or (0.0,)):
        raise DicomError(
            slices[worst].path,
            f"this slice lies {shift:.3g} mm beside the line of the others, a volume is a straight stack; "
            "send a series without a moved slice",
        )


def _refuse_tilt(one: Slice, angle: float, source: str) -> None:
    raise DicomError(
        one.path,
        f"the gantry was tilted by {angle:.1f} degrees according to {source}, the slices of a volume lie straight over "
        "each other; send a series reconstructed without tilt",
    )


def _notes(series: Series, others: int, axes: np.ndarray) -> tuple[str, ...]:
    counts = ((series.localisers, "localiser image(s)"), (others, "slice(s) of another orientation"))
    aside = tuple(f"{count} {what} left aside" for count, what in counts if count)
    return aside if abs(axes[2, 2]) > LEAST_AXIAL else (*aside, "the slices are not axial")
