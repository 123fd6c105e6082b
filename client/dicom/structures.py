"""The closed planar contours of one RTSTRUCT structure, drawn on the slices of a stack."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from client.dicom.errors import DicomError
from client.dicom.mask_sources import MaskSource, Roi, contour_images
from client.dicom.polygons import inside_polygons
from client.dicom.stack import Stack
from client.dicom.tags import items, numbers, short_uid, text, whole
from client.volume_rules import MISFIT_VOXELS

CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
FARTHEST_SLICES = 0.5
"""A contour belongs to a slice that is no farther than this part of the distance between slices."""


@dataclass(frozen=True)
class Contours:
    """Closed contours (n, 3) in mm of one structure, and how many of other types were left out."""

    closed: tuple[np.ndarray, ...]
    left_out: int


def structure_mask(source: MaskSource, roi: Roi, stack: Stack) -> tuple[np.ndarray, tuple[str, ...]]:
    """Voxels (z, y, x) whose centres lie inside a structure, and notes.

    Contours of one slice combine by exclusive or. DicomError when the structure is empty, was drawn on other images,
    leaves the image, or lies off its slices.
    """
    item = _item(source, roi)
    _check_images(source, stack, contour_images(item))
    contours = _contours(item, source.path)
    if not contours.closed:
        raise DicomError(source.path, f'the ROI "{roi.name}" has no closed contour, it is empty; draw the tumour')
    by_slice, notes = _on_slices(contours.closed, stack, source.path)
    columns, rows, count = stack.size
    mask = np.zeros((count, rows, columns), bool)
    for index, polygons in by_slice.items():
        mask[index] = inside_polygons(polygons, rows=rows, columns=columns)
    if not mask.any():
        raise DicomError(
            source.path, f'the ROI "{roi.name}" encloses no voxel centre; draw it again, or leave the patient out'
        )
    if contours.left_out:
        notes.append(f"{contours.left_out} contour(s) that enclose nothing (points or open lines) left out")
    return mask, tuple(notes)


def _item(source: MaskSource, roi: Roi) -> Dataset:
    assert source.data is not None
    found = [one for one in items(source.data, "ROIContourSequence") if whole(one, "ReferencedROINumber") == roi.number]
    if len(found) != 1:
        state = "has no contour, it is empty" if not found else f"has {len(found)} lists of contours instead of one"
        raise DicomError(source.path, f'the ROI "{roi.name}" {state}; draw the tumour, or export it again')
    return found[0]


def _check_images(source: MaskSource, stack: Stack, named: set[str]) -> None:
    foreign = named - stack.series.sop_uids
    if foreign:
        raise DicomError(
            source.path,
            f"the contours name {len(foreign)} image(s) that are not in the CT series here, among them "
            f"{short_uid(min(foreign))}; send the CT it was drawn on",
        )


def _contours(item: Dataset, path: Path) -> Contours:
    closed, left_out = [], 0
    for one in items(item, "ContourSequence"):
        points = _points(one, path)
        if text(one, "ContourGeometricType") in CLOSED and len(points) > 2:
            closed.append(points)
        else:
            left_out += 1
    return Contours(tuple(closed), left_out)


def _points(contour: Dataset, path: Path) -> np.ndarray:
    value = contour.get("ContourData")
    count = len(value) if hasattr(value, "__len__") and not isinstance(value, str) else 0
    found = numbers(contour, "ContourData", count=count)
    if found is None or count % 3 or count == 0:
        raise DicomError(path, f"a contour holds {count} usable numbers, it needs 3 a point; export it again")
    return np.array(found).reshape(-1, 3)


def _on_slices(
    contours: Sequence[np.ndarray], stack: Stack, path: Path
) -> tuple[dict[int, list[np.ndarray]], list[str]]:
    """The contours in voxel indices by slice, and notes."""
    by_slice: dict[int, list[np.ndarray]] = defaultdict(list)
    depths: dict[int, list[float]] = defaultdict(list)
    between = 0
    for points in contours:
        voxels = stack.to_voxels(points)
        depth = _depth(voxels, stack, path)
        _check_inside(voxels, stack, path)
        index = min(max(round(depth), 0), stack.size[2] - 1)
        between += abs(depth - index) > MISFIT_VOXELS
        by_slice[index].append(voxels[:, :2])
        depths[index].append(depth)
    _check_one_plane(depths, stack, path)
    notes = [f"{between} contour(s) between slices went to the nearest one"] if between else []
    bare = max(by_slice) - min(by_slice) + 1 - len(by_slice)
    notes += [f"{bare} slice(s) within the ROI have no contour"] if bare else []
    return by_slice, notes


def _depth(voxels: np.ndarray, stack: Stack, path: Path) -> float:
    """The continuous slice index at which a contour lies."""
    depth, spread = float(voxels[:, 2].mean()), float(np.ptp(voxels[:, 2]))
    if spread > FARTHEST_SLICES:
        raise DicomError(
            path,
            f"a contour reaches over {spread * stack.spacing[2]:.3g} mm across the slices, it must lie in one; "
            "draw it on the axial slices",
        )
    beyond = max(-depth, depth - (stack.size[2] - 1))
    if beyond > FARTHEST_SLICES:
        raise DicomError(
            path,
            f"a contour lies at {stack.height(depth):.2f} mm, {beyond * stack.spacing[2]:.3g} mm beyond the last slice "
            f"(the CT reaches from {stack.height(0):.2f} to {stack.height(stack.size[2] - 1):.2f} mm); "
            "send the whole CT it was drawn on",
        )
    return depth


def _check_inside(voxels: np.ndarray, stack: Stack, path: Path) -> None:
    beyond = np.maximum(-0.5 - voxels[:, :2], voxels[:, :2] - (np.array(stack.size[:2]) - 0.5)).max()
    if beyond > MISFIT_VOXELS:
        raise DicomError(
            path,
            f"a contour leaves the image by {beyond * stack.spacing[:2].min():.3g} mm; send the CT it was drawn on",
        )


def _check_one_plane(depths: dict[int, list[float]], stack: Stack, path: Path) -> None:
    """Contours of different planes would cut holes into each other on one slice."""
    for found in depths.values():
        if max(found) - min(found) > MISFIT_VOXELS:
            raise DicomError(
                path,
                f"contours at {stack.height(min(found)):.2f} and {stack.height(max(found)):.2f} mm fall on one slice "
                f"(slices are {stack.spacing[2]:.3g} mm apart); send the CT it was drawn on",
            )
