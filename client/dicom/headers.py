"""One file looked at without its pixels: an instance that takes part, or why it does not."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom.dataset import FileDataset
from pydicom.uid import UID

from client.dicom.errors import DicomError, reading
from client.dicom.instances import CT_CLASSES, RTSTRUCT_CLASS, SEG_CLASSES, CtFile, MaskFile, MaskKind, ct_file
from client.dicom.tags import identifier, text, uid
from client.volume_files import SUFFIXES

DICOMDIR_CLASS = "1.2.840.10008.1.3.10"
PREAMBLE = 128
DAMAGED, EMPTY, UNREADABLE = "damaged", "empty file", "cannot be read"
SPOILED = (DAMAGED, EMPTY, UNREADABLE)
"""Reasons after which nobody knows what the file was."""
_UNDEFINED = 0xFFFFFFFF
_NAMES = (
    "SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID FrameOfReferenceUID PatientID Modality "
    "SeriesDescription ImageType Rows Columns Manufacturer ConvolutionKernel XRayTubeCurrent SliceThickness "
    "ImagePositionPatient ImageOrientationPatient PixelSpacing RescaleSlope RescaleIntercept GantryDetectorTilt "
    "TemporalPositionIndex TemporalPositionIdentifier SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence"
)
_TAGS = _NAMES.split()


@dataclass(frozen=True, slots=True)
class Ignored:
    """A file that takes no part, and why in a few words."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """A file that takes part, with the patient its tag names (empty for a NIfTI or NRRD volume)."""

    patient_id: str
    instance: CtFile | MaskFile


def look_at(path: Path) -> Found | Ignored:
    """Read the header of any file; never raises over what the file is or holds."""
    try:
        status = path.stat()
    except OSError:
        return Ignored(path, UNREADABLE)
    if not stat.S_ISREG(status.st_mode):
        return Ignored(path, "no ordinary file")
    if status.st_size == 0:
        return Ignored(path, EMPTY)
    if path.name.lower().endswith(SUFFIXES):
        return Found("", MaskFile(path, status.st_size, "volume"))
    try:
        with reading(path), path.open("rb") as file:
            return _instance(file, path=path, size=status.st_size)
    except DicomError as error:
        return Ignored(path, UNREADABLE if isinstance(error.__cause__, OSError) else DAMAGED)


def is_dicom(path: Path) -> bool:
    """Whether a file is DICOM, with or without its preamble; False when it cannot be read."""
    try:
        with reading(path), path.open("rb") as file:
            return _marked(file) or bool(uid(_header(file), "SOPClassUID"))
    except DicomError:
        return False


def _instance(file: BinaryIO, *, path: Path, size: int) -> Found | Ignored:
    marked = _marked(file)
    if not marked and not _begins_with_element(file):
        return Ignored(path, DAMAGED if _lost_its_mark(file) else "no DICOM file")
    data = _header(file)
    sop_class = uid(data, "SOPClassUID")
    if sop_class == DICOMDIR_CLASS or uid(data.file_meta, "MediaStorageSOPClassUID") == DICOMDIR_CLASS:
        return Ignored(path, "DICOMDIR")
    if not sop_class or not uid(data, "SOPInstanceUID"):
        return Ignored(path, DAMAGED if marked else "no DICOM file")
    if sop_class not in (*CT_CLASSES, RTSTRUCT_CLASS, *SEG_CLASSES):
        return Ignored(path, _other(text(data, "Modality")))
    if sop_class in CT_CLASSES:
        return _ct(data, file, path=path, size=size)
    kind: MaskKind = "RTSTRUCT" if sop_class == RTSTRUCT_CLASS else "SEG"
    return Found(identifier(data, "PatientID"), MaskFile(path, size, kind, uid(data, "SOPInstanceUID")))


def _ct(data: FileDataset, file: BinaryIO, *, path: Path, size: int) -> Found | Ignored:
    instance = ct_file(data, path=path, size=size, whole_file=_pixels_whole(data, file, size=size))
    if not instance.series_uid or not instance.frames:
        return Ignored(path, DAMAGED)
    return Found(identifier(data, "PatientID"), instance)


def _other(modality: str) -> str:
    if modality == "CT" or not modality.isalnum() or len(modality) > 16:
        return "another object, not a CT image"
    return f"{modality.upper()}, not CT"


def _marked(file: BinaryIO) -> bool:
    file.seek(PREAMBLE)
    mark = file.read(4)
    file.seek(0)
    return mark == b"DICM"


def _lost_its_mark(file: BinaryIO) -> bool:
    """Whether the length of the file meta information stands where it does behind preamble and mark."""
    file.seek(PREAMBLE + 4)
    return file.read(6) == b"\x02\x00\x00\x00UL"


def _begins_with_element(file: BinaryIO) -> bool:
    """Whether a file without preamble begins with a tag of group 2 or 8, in either byte order."""
    begin = file.read(4)
    file.seek(0)
    return begin[:2] in (b"\x02\x00", b"\x08\x00", b"\x00\x02", b"\x00\x08")


def _header(file: BinaryIO) -> FileDataset:
    return pydicom.dcmread(file, force=True, stop_before_pixels=True, defer_size=2**16, specific_tags=list(_TAGS))


def _pixels_whole(data: FileDataset, file: BinaryIO, *, size: int) -> bool:
    """Whether the pixel data, where reading stopped, are all there; a deflated file tells only when it is inflated."""
    syntax = UID(uid(data.file_meta, "TransferSyntaxUID"))
    if syntax == "1.2.840.10008.1.2.1.99":
        return True
    order = "little" if data.original_encoding[1] else "big"
    begin = file.read(12)
    explicit = not data.original_encoding[0]
    if len(begin) < 12:
        return False
    length = int.from_bytes(begin[8:12] if explicit else begin[4:8], order)  # type: ignore[arg-type]
    if length != _UNDEFINED:
        return file.tell() - (0 if explicit else 4) + length <= size
    file.seek(max(0, size - 4096))
    return b"\xfe\xff\xdd\xe0" in file.read()
