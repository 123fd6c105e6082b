"""A CT volume and its tumour mask, read from NIfTI or NRRD and checked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import SimpleITK as sitk

from client.volume_files import ImageError, check_finite, check_whole
from client.volume_promises import promised_content
from client.volume_rules import check_geometry, check_hounsfield, check_roi, one_label


@dataclass(frozen=True)
class Volume:
    """A CT and its mask on one grid: image in HU, mask uint8 with 1 inside the tumour."""

    image: sitk.Image
    mask: sitk.Image


def read_volume(image: Path, mask: Path) -> Volume:
    """Read a CT and its mask.

    The mask gets the geometry of the image when they agree to a tenth of a voxel, and its one label becomes 1.
    ImageError names the file, what was found, the rule and the remedy: missing or damaged file, not 3D, not finite,
    not in HU, another grid, no label, several labels, one voxel.
    """
    if image == mask:
        raise ImageError(mask, "is named as image and as mask; name the file that marks the tumour")
    picture, labels = _read(image), _read(mask)
    check_hounsfield(picture, image)
    check_geometry(picture, labels, image=image, mask=mask)
    binary = one_label(labels, mask)
    check_roi(binary, mask)
    binary.CopyInformation(picture)
    return Volume(picture, binary)


def _read(path: Path) -> sitk.Image:
    promise = promised_content(path)
    if promise is None:
        check_whole(path)
    try:
        with _quiet_itk():
            image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        check_whole(path)
        raise ImageError(path, "is damaged, or its ending does not fit its content; export it again") from error
    if promise is not None and not promise.kept_by(sitk.GetArrayViewFromImage(image)):
        check_whole(path)
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        size = " x ".join(map(str, image.GetSize()))
        raise ImageError(
            path,
            f"is a {image.GetDimension()}D image of {size} with {image.GetNumberOfComponentsPerPixel()} "
            "value(s) a voxel; give one 3D volume with one value a voxel",
        )
    check_finite(path, sitk.GetArrayViewFromImage(image))
    return image


@contextmanager
def _quiet_itk() -> Iterator[None]:
    """Keep ITK and its C libraries from writing to standard error while the block runs."""
    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)
