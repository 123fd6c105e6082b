"""One patient's files made into one CT volume with its tumour mask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from client.dicom.acquisition import acquisition_of
from client.dicom.choice import Choice, choose
from client.dicom.errors import DicomError, reading
from client.dicom.mask_sources import open_mask
from client.dicom.patient_files import PatientFiles
from client.dicom.pixels import stack_image
from client.dicom.segments import segment_mask
from client.dicom.series import ct_series
from client.dicom.stack import Stack, stack_of
from client.dicom.structures import structure_mask
from client.volume_files import check_finite, check_whole
from client.volume_rules import check_geometry, check_hounsfield, check_roi, one_label
from client.volumes import Volume


@dataclass(frozen=True)
class Converted:
    """A CT in HU with its mask, how it was acquired, the ROI's name, and what a person may want to know."""

    volume: Volume
    acquisition: Mapping[str, str]
    roi: str
    notes: tuple[str, ...]


def convert(files: PatientFiles, *, roi: str | None) -> Converted:
    """Read the CT series that a patient's mask was drawn on, and the mask.

    `roi` is the tumour's exact ROI name or a regular expression for it (see `check_roi_rule`). DicomError says what
    cannot be used and why; neither it nor the result holds an identifier or a date.
    """
    choice = _choice(files, roi)
    stack = stack_of(choice.series)
    with reading(choice.source.path):
        image, image_notes = stack_image(stack)
        check_hounsfield(image, stack.slices[0].path.parent)
        mask, mask_notes = _mask(choice, stack, image)
        check_roi(mask, choice.source.path)
    mask.CopyInformation(image)
    return Converted(
        volume=Volume(image, mask),
        acquisition=acquisition_of(stack.slices),
        roi=choice.roi.name,
        notes=(*choice.notes, *stack.notes, *image_notes, *mask_notes),
    )


def _check_files(files: PatientFiles) -> None:
    """Refuse a patient whose files leave a doubt before any is opened."""
    if files.at_odds:
        raise DicomError(
            files.at_odds[0][0],
            "another file carries the same SOPInstanceUID (0008,0018) and differs; "
            "find out which is right and leave the other out",
        )
    if files.mixed:
        raise DicomError(
            files.mixed[0],
            "its CT series holds slices of more than one PatientID (0010,0020); give each patient a folder",
        )
    if files.spoiled:
        raise DicomError(
            files.spoiled[0],
            "is damaged, empty or unreadable and lies among the patient's slices, of which it may be one; "
            "send it again, or remove it if it is none",
        )


def _choice(files: PatientFiles, roi: str | None) -> Choice:
    _check_files(files)
    series = ct_series(files.ct)
    if not series:
        raise DicomError(None, "there is no CT image; send the CT series with the structure set")
    if not files.masks:
        for each in series:
            stack_of(each)  # what is wrong with the CT is said first, a mask would not help it
        raise DicomError(
            None, "nothing marks the tumour; send its RTSTRUCT or SEG, or lay a NIfTI or NRRD mask beside the CT"
        )
    return choose([open_mask(one) for one in files.masks], series, rule=roi)


def _mask(choice: Choice, stack: Stack, image: sitk.Image) -> tuple[sitk.Image, tuple[str, ...]]:
    source = choice.source
    if source.kind == "volume":
        return _volume_mask(source.path, image), ()
    make = structure_mask if source.kind == "RTSTRUCT" else segment_mask
    voxels, notes = make(source, choice.roi, stack)
    return sitk.GetImageFromArray(voxels.astype(np.uint8)), notes


def _volume_mask(path: Path, image: sitk.Image) -> sitk.Image:
    check_whole(path)
    try:
        labels = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise DicomError(path, "is damaged, or its ending does not fit its content; export it again") from error
    if labels.GetDimension() != 3 or labels.GetNumberOfComponentsPerPixel() != 1:
        raise DicomError(path, "is no 3D volume with one value a voxel; save the mask as one")
    check_finite(path, sitk.GetArrayViewFromImage(labels))
    check_geometry(image, labels, image=Path("the CT series"), mask=path)
    return one_label(labels, path)
