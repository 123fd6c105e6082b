"""What the header of each CT slice must say, and what all slices of a series have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from client.dicom.errors import DicomError
from client.dicom.series import SAME_DIRECTION, Slice
from client.dicom.tags import short_uid
from client.volume_files import LEAST_SPACING_MM, MOST_SPACING_MM

MOST_VOXELS = 4096
"""Rows or columns; more than any CT has, and little enough for memory."""
MOST_DISTANCE_MM = 1e5
"""A position farther than this from the origin is a damaged number."""

_NEEDED = (
    ("position", "ImagePositionPatient (0020,0032)"),
    ("orientation", "ImageOrientationPatient (0020,0037)"),
    ("spacing", "PixelSpacing (0028,0030)"),
    ("slope", "RescaleSlope (0028,1053)"),
    ("intercept", "RescaleIntercept (0028,1052)"),
)
_ALIKE: tuple[tuple[str, Callable[[Slice], tuple[object, ...]]], ...] = (
    ("size in voxels", lambda one: (one.file.rows, one.file.columns)),
    ("PixelSpacing (0028,0030) in mm", lambda one: tuple(f"{step:.5g}" for step in one.frame.spacing or ())),
    ("RescaleSlope (0028,1053) and RescaleIntercept (0028,1052)", lambda one: (one.frame.slope, one.frame.intercept)),
    ("FrameOfReferenceUID (0020,0052)", lambda one: (one.file.frame_uid,)),
    ("temporal position", lambda one: (one.frame.temporal or "absent",)),
)


def check_tags(slices: Sequence[Slice]) -> None:
    """Raise DicomError when a slice is cut or its header lacks a tag of its geometry or of its HU, or says nonsense."""
    for one in slices:
        if not one.file.whole:
            raise DicomError(one.path, "ends before its pixel data do; copy or export it again")
        for name, tag in _NEEDED:
            if getattr(one.frame, name) is None:
                raise DicomError(one.path, f"has no usable {tag}, a CT slice needs it; export the original series")
        _check_values(one)


def _check_values(one: Slice) -> None:
    row, column = np.array(one.frame.orientation).reshape(2, 3)
    skew = max(abs(row @ row - 1), abs(column @ column - 1), abs(row @ column))
    if skew > 10 * SAME_DIRECTION:
        _refuse(one, "its ImageOrientationPatient (0020,0037) are no two perpendicular directions of length 1")
    if not all(LEAST_SPACING_MM <= step <= MOST_SPACING_MM for step in one.frame.spacing or ()):
        _refuse(one, f"its PixelSpacing (0028,0030) does not lie within {LEAST_SPACING_MM:g} to {MOST_SPACING_MM:g} mm")
    if not (1 < one.file.rows <= MOST_VOXELS and 1 < one.file.columns <= MOST_VOXELS):
        _refuse(one, f"has {one.file.rows} rows and {one.file.columns} columns, 2 to {MOST_VOXELS} are possible")
    if max(abs(value) for value in one.frame.position or ()) > MOST_DISTANCE_MM:
        _refuse(one, f"its ImagePositionPatient (0020,0032) is more than {MOST_DISTANCE_MM / 1000:g} m from the origin")
    if not one.frame.slope:
        _refuse(one, "its RescaleSlope (0028,1053) is 0")


def _refuse(one: Slice, found: str) -> None:
    raise DicomError(one.path, f"{found}; export the original series")


def check_alike(slices: Sequence[Slice]) -> None:
    """Raise DicomError when slices of one series differ in size, voxel size, rescale, frame of reference or time."""
    for what, value in _ALIKE:
        first = value(slices[0])
        other = next((one for one in slices if value(one) != first), None)
        if other:
            count = len({value(one) for one in slices})
            shown = " and ".join(_shown(values) for values in (first, value(other)))
            raise DicomError(
                other.path,
                f"the slices of its series differ in {what} ({count} values, among them {shown}), a volume has one; "
                "send one reconstruction of one acquisition",
            )


def _shown(values: tuple[object, ...]) -> str:
    """Numbers as they stand; of a UID its last digits."""
    return " x ".join(short_uid(one) if str(one).count(".") > 1 else str(one or "absent") for one in map(str, values))
