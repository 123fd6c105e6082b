"""What a file that may mark a tumour offers: its ROIs and the images it was drawn on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileDataset

from client.dicom.errors import DicomError, reading
from client.dicom.instances import MaskFile, MaskKind
from client.dicom.tags import items, printable, text, uid, whole
from client.volume_files import SUFFIXES

_UNDEFINED = 0xFFFFFFFF


@dataclass(frozen=True)
class Roi:
    """One region of a mask file; `also` is a second name, a segment's description."""

    number: int
    name: str
    also: str = ""


@dataclass(frozen=True)
class MaskSource:
    """An opened RTSTRUCT or SEG, or a NIfTI or NRRD volume (no data); the UIDs name what it was drawn on."""

    path: Path
    kind: MaskKind
    rois: tuple[Roi, ...]
    series_uids: frozenset[str] = frozenset()
    image_uids: frozenset[str] = frozenset()
    frame_uid: str = ""
    drawn: str = ""
    data: Dataset | None = None


def open_mask(file: MaskFile) -> MaskSource:
    """Read what a mask file offers; DicomError when it is damaged or cut."""
    if file.kind == "volume":
        return MaskSource(file.path, file.kind, (Roi(1, _stem(file.path)),))
    with reading(file.path):
        data = _read_whole(file.path)
        return _structure_set(file, data) if file.kind == "RTSTRUCT" else _segmentation(file, data)


def _stem(path: Path) -> str:
    suffix = next(one for one in SUFFIXES[::-1] if path.name.lower().endswith(one))
    return printable(path.name[: -len(suffix)])


def _read_whole(path: Path) -> FileDataset:
    """The dataset of a file that is not cut; pydicom reads a cut one as if it were whole, with less in it."""
    data = pydicom.dcmread(path, force=True)
    for tag in data.keys():  # noqa: SIM118 - iterating over the dataset would convert the elements
        element = data.get_item(tag)
        if (
            isinstance(element, RawDataElement)
            and element.length != _UNDEFINED
            and element.value is not None
            and len(element.value) < element.length
        ):
            raise DicomError(path, "ends too early; copy or export it again")
    return data


def _structure_set(file: MaskFile, data: FileDataset) -> MaskSource:
    frames = list(items(data, "ReferencedFrameOfReferenceSequence"))
    series = frozenset(
        uid(one, "SeriesInstanceUID")
        for frame in frames
        for study in items(frame, "RTReferencedStudySequence")
        for one in items(study, "RTReferencedSeriesSequence")
    ) - {""}
    rois = list(items(data, "StructureSetROISequence"))
    frame_uids = {uid(one, "ReferencedFrameOfReferenceUID") for one in rois} | {
        uid(one, "FrameOfReferenceUID") for one in frames
    }
    frame_uids -= {""}
    return MaskSource(
        path=file.path,
        kind=file.kind,
        rois=tuple(Roi(_number(one, "ROINumber", file.path), text(one, "ROIName")) for one in rois),
        series_uids=series,
        image_uids=frozenset() if series else _contour_images(data),
        frame_uid=frame_uids.pop() if len(frame_uids) == 1 else "",
        drawn=_moment(data, "StructureSet"),
        data=data,
    )


def _contour_images(data: Dataset) -> frozenset[str]:
    return frozenset(one for roi in items(data, "ROIContourSequence") for one in contour_images(roi))


def contour_images(roi: Dataset) -> set[str]:
    """SOP instance UIDs of the images that the contours of an item of ROIContourSequence name."""
    return {
        uid(image, "ReferencedSOPInstanceUID")
        for contour in items(roi, "ContourSequence")
        for image in items(contour, "ContourImageSequence")
    } - {""}


def _segmentation(file: MaskFile, data: FileDataset) -> MaskSource:
    series = frozenset(uid(one, "SeriesInstanceUID") for one in items(data, "ReferencedSeriesSequence")) - {""}
    rois = []
    for one in items(data, "SegmentSequence"):
        label, description = text(one, "SegmentLabel"), text(one, "SegmentDescription")
        rois.append(Roi(_number(one, "SegmentNumber", file.path), label or description, description))
    return MaskSource(
        path=file.path,
        kind=file.kind,
        rois=tuple(one for one in rois if one.number > 0),
        series_uids=series,
        image_uids=frozenset() if series else _source_images(data),
        frame_uid=uid(data, "FrameOfReferenceUID"),
        drawn=_moment(data, "Content"),
        data=data,
    )


def _source_images(data: Dataset) -> frozenset[str]:
    groups = [*items(data, "SharedFunctionalGroupsSequence"), *items(data, "PerFrameFunctionalGroupsSequence")]
    return frozenset(
        uid(image, "ReferencedSOPInstanceUID")
        for group in groups
        for derivation in items(group, "DerivationImageSequence")
        for image in items(derivation, "SourceImageSequence")
    ) - {""}


def _number(data: Dataset, name: str, path: Path) -> int:
    found = whole(data, name)
    if found is None:
        raise DicomError(path, f"one of its ROIs has no usable {name}; export it again")
    return found


def _moment(data: Dataset, what: str) -> str:
    """Date and time as digits that sort; empty unless both are there."""
    date, time = text(data, f"{what}Date"), text(data, f"{what}Time").replace(".", "")
    return date + time.ljust(12, "0") if date.isdigit() and time.isdigit() else ""
