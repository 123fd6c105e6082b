"""What a CT and its mask must be before a number is computed from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from client.volume_files import ImageError

MISFIT_VOXELS = 0.1
"""A mask may lie this part of a voxel beside its image: more than rounding in a header, less than any real shift."""

_AXES = "xyz"


def check_hounsfield(image: sitk.Image, path: Path) -> None:
    """Raise ImageError when the values cannot be Hounsfield units."""
    voxels = sitk.GetArrayViewFromImage(image)
    low, high = float(voxels.min()), float(voxels.max())
    rule = None
    if low == high:
        rule = "a CT has more than one value"
    elif low >= 0 and high <= 1:
        rule = "it looks rescaled to 0..1, a CT is in HU"
    elif low >= 0 and high <= 255:
        rule = "these look like grey levels of a picture, a CT is in HU"
    elif low < -32768 or high > 32767:
        rule = "HU lie between -32768 and 32767"
    if rule:
        raise ImageError(
            path, f"its values run from {low:g} to {high:g}, {rule}; export the CT with its rescale slope and intercept"
        )


def check_geometry(picture: sitk.Image, labels: sitk.Image, *, image: Path, mask: Path) -> None:
    """Raise ImageError when a mask lies on another grid than its image: which axis, and by how much in mm."""
    misfit = _size_misfit(picture, labels) or _spacing_misfit(picture, labels) or _direction_misfit(picture, labels)
    misfit = misfit or _origin_misfit(picture, labels)
    if misfit:
        raise ImageError(
            mask, f"does not fit {image.name}: {misfit}; draw the mask on this CT, or resample it to the CT's grid"
        )


def _size_misfit(picture: sitk.Image, labels: sitk.Image) -> str:
    rows = zip(_AXES, picture.GetSize(), labels.GetSize(), picture.GetSpacing(), strict=True)
    return ", ".join(
        f"size along {axis} is {theirs} voxels instead of {ours} ({(theirs - ours) * spacing:+g} mm)"
        for axis, ours, theirs, spacing in rows
        if ours != theirs
    )


def _spacing_misfit(picture: sitk.Image, labels: sitk.Image) -> str:
    rows = zip(_AXES, picture.GetSpacing(), labels.GetSpacing(), picture.GetSize(), strict=True)
    return ", ".join(
        f"spacing along {axis} is {theirs:g} mm instead of {ours:g} mm ({theirs - ours:+.3g} mm)"
        for axis, ours, theirs, size in rows
        if abs(theirs - ours) * (size - 1) > MISFIT_VOXELS * ours or abs(theirs - ours) > MISFIT_VOXELS * ours
    )


def _direction_misfit(picture: sitk.Image, labels: sitk.Image) -> str:
    ours, theirs = (np.array(one.GetDirection()).reshape(3, 3) for one in (picture, labels))
    steps = np.array(picture.GetSpacing())
    lengths = steps * np.maximum(1, np.array(picture.GetSize()) - 1)
    swings = np.linalg.norm(theirs - ours, axis=0) * lengths
    return ", ".join(
        f"direction of {axis} is ({_numbers(theirs[:, i])}) instead of ({_numbers(ours[:, i])}), "
        f"up to {swings[i]:.3g} mm apart"
        for i, axis in enumerate(_AXES)
        if swings[i] > MISFIT_VOXELS * steps[i]
    )


def _numbers(values: np.ndarray) -> str:
    return ", ".join(f"{value:.4g}" for value in values)


def _origin_misfit(picture: sitk.Image, labels: sitk.Image) -> str:
    rows = zip(_AXES, picture.GetOrigin(), labels.GetOrigin(), strict=True)
    allowed = MISFIT_VOXELS * min(picture.GetSpacing())
    return ", ".join(
        f"origin along {axis} is {theirs:g} mm instead of {ours:g} mm ({theirs - ours:+.3g} mm)"
        for axis, ours, theirs in rows
        if abs(theirs - ours) > allowed
    )


def one_label(labels: sitk.Image, path: Path) -> sitk.Image:
    """The mask with its only label made 1 (uint8); ImageError when it has none or several."""
    voxels = sitk.GetArrayViewFromImage(labels)
    if voxels.dtype == np.uint8 and voxels.max() == 1:
        return _bare(voxels, labels)
    marked = voxels != 0
    count = int(np.count_nonzero(marked))
    if count == 0:
        raise ImageError(path, "is an empty mask, no voxel is marked; mark the tumour with 1")
    label = voxels.max() or voxels.min()
    if np.count_nonzero(voxels == label) != count:
        found = np.unique(voxels[marked])
        shown = ", ".join(f"{value:g}" for value in found[:5]) + (", ..." if len(found) > 5 else "")
        raise ImageError(path, f"has {len(found)} labels ({shown}), a mask has one; keep the tumour's label only")
    return _bare(marked.view(np.uint8), labels)


def _bare(voxels: np.ndarray, labels: sitk.Image) -> sitk.Image:
    """The voxels on the grid of the labels, without what else their header says."""
    binary: sitk.Image = sitk.GetImageFromArray(voxels)
    binary.CopyInformation(labels)
    return binary


def check_roi(mask: sitk.Image, path: Path) -> None:
    """Raise ImageError when a mask (uint8, 0 and 1) marks a single voxel, a single line of voxels or all of them."""
    if fault := thin_roi(mask):
        raise ImageError(
            path,
            f"marks {fault}, a tumour is a part of an image; draw it again, or leave the patient out",
        )


def thin_roi(mask: sitk.Image) -> str:
    """What a mask marks when that is no tumour in its surroundings; else an empty string."""
    voxels = sitk.GetArrayViewFromImage(mask)
    count = int(np.count_nonzero(voxels))
    if count == voxels.size:
        return "every voxel"
    if count <= 1:
        return "a single voxel" if count else "nothing"
    wide = sum(np.count_nonzero(voxels.max(axis=others)) > 1 for others in ((0, 1), (0, 2), (1, 2)))
    return f"a single line of {count} voxels" if wide < 2 else ""
