"""One segment of a DICOM SEG, put on the slices of a stack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset

from client.dicom.errors import DicomError
from client.dicom.mask_sources import MaskSource, Roi
from client.dicom.pixels import decoded
from client.dicom.stack import Stack
from client.dicom.tags import items, number, numbers, text, whole
from client.volume_rules import MISFIT_VOXELS

FRACTION = 0.5
"""A voxel belongs to a fractional segment from this part of the maximum on."""


def segment_mask(source: MaskSource, roi: Roi, stack: Stack) -> tuple[np.ndarray, tuple[str, ...]]:
    """Voxels (z, y, x) of a segment, and notes; DicomError when its grid is not the CT's to a tenth of a voxel."""
    data = source.data
    assert isinstance(data, FileDataset)
    kind = text(data, "SegmentationType")
    if kind not in ("BINARY", "FRACTIONAL", "LABELMAP"):
        raise DicomError(source.path, f'its SegmentationType (0062,0001) is "{kind}", unknown; export it as BINARY')
    frames = _frames(data, source.path, stack)
    columns, rows, count = stack.size
    mask = np.zeros((count, rows, columns), bool)
    filled: set[int] = set()
    for groups, values in frames:
        if kind != "LABELMAP" and _segment_number(groups, data) != roi.number:
            continue
        index = _slice_index(groups, data, stack, source.path)
        if index in filled:
            raise DicomError(source.path, f'marks "{roi.name}" twice on one slice; export it again')
        filled.add(index)
        mask[index] = _marked(values, kind, data, roi)
    if not mask.any():
        raise DicomError(source.path, f'the segment "{roi.name}" marks no voxel, it is empty; draw the tumour')
    notes = (f"fractional segment taken from {FRACTION:.0%} on",) if kind == "FRACTIONAL" else ()
    return mask, notes


def _frames(data: FileDataset, path: Path, stack: Stack) -> Iterator[tuple[Dataset, np.ndarray]]:
    groups = list(items(data, "PerFrameFunctionalGroupsSequence"))
    columns, rows, _ = stack.size
    size = whole(data, "Columns"), whole(data, "Rows")
    if size != (columns, rows):
        raise DicomError(
            path, f"its frames have {size[0]} x {size[1]} voxels, the CT {columns} x {rows}; draw it on this CT"
        )
    if whole(data, "NumberOfFrames") != len(groups):
        raise DicomError(path, "does not say where each of its frames lies; export it again")
    return zip(groups, decoded(data, path), strict=True)


def _marked(values: np.ndarray, kind: str, data: Dataset, roi: Roi) -> np.ndarray:
    if kind == "LABELMAP":
        return np.asarray(values == roi.number)
    if kind == "BINARY":
        return np.asarray(values > 0)
    return np.asarray(values >= FRACTION * (number(data, "MaximumFractionalValue") or 255))


def _segment_number(groups: Dataset, data: Dataset) -> int | None:
    found = _macro(groups, data, "SegmentIdentificationSequence")
    return whole(found, "ReferencedSegmentNumber") if found else None


def _macro(groups: Dataset, data: Dataset, name: str) -> Dataset | None:
    """A functional group of a frame, or the one that all frames share."""
    shared = next(items(data, "SharedFunctionalGroupsSequence"), Dataset())
    return next(items(groups, name), None) or next(items(shared, name), None)


def _slice_index(groups: Dataset, data: Dataset, stack: Stack, path: Path) -> int:
    """The slice on which a frame lies, its four corners compared with the CT's."""
    position = _numbers(groups, data, "PlanePositionSequence", "ImagePositionPatient", 3, path)
    row, column = np.array(
        _numbers(groups, data, "PlaneOrientationSequence", "ImageOrientationPatient", 6, path)
    ).reshape(2, 3)
    between_rows, between_columns = _numbers(groups, data, "PixelMeasuresSequence", "PixelSpacing", 2, path)
    columns, rows, count = stack.size
    x, y = np.array([0, columns - 1, 0, columns - 1]), np.array([0, 0, rows - 1, rows - 1])
    corners = np.array(position) + np.outer(x * between_columns, row) + np.outer(y * between_rows, column)
    found = stack.to_voxels(corners)
    index = round(float(found[0, 2])) if np.isfinite(found).all() and abs(found[0, 2]) < 1e6 else -1
    if not 0 <= index < count:
        raise DicomError(path, f"a frame lies at {found[0, 2] + 1:.1f} of {count} slices of the CT; draw it on this CT")
    misfit = np.abs(found - np.stack([x, y, np.full(4, index)], axis=1)).max()
    if misfit > MISFIT_VOXELS:
        raise DicomError(
            path,
            f"a frame lies {misfit:.3g} voxels beside the CT's slice {index + 1}, {MISFIT_VOXELS:g} are allowed; "
            "draw it on this CT, or resample it to the CT's grid",
        )
    return index


def _numbers(groups: Dataset, data: Dataset, macro: str, name: str, count: int, path: Path) -> tuple[float, ...]:
    found = _macro(groups, data, macro)
    values = numbers(found, name, count=count) if found else None
    if values is None:
        raise DicomError(path, f"a frame has no usable {name}; export it again")
    return values
