"""What is kept of one DICOM file's header: plain values that travel between processes."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydicom.dataset import Dataset

from client.dicom.tags import items, number, numbers, text, uid, whole, words

ENHANCED = ("1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2")
CT_CLASSES = ("1.2.840.10008.5.1.4.1.1.2", *ENHANCED)
RTSTRUCT_CLASS = "1.2.840.10008.5.1.4.1.1.481.3"
SEG_CLASSES = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")

MaskKind = Literal["RTSTRUCT", "SEG", "volume"]


@dataclass(frozen=True, slots=True)
class CtFrame:
    """One image plane of a CT file; what the header lacks is None. Lengths in mm, angles in degrees."""

    number: int
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    spacing: tuple[float, ...] | None
    """Between rows, between columns."""
    slope: float | None
    intercept: float | None
    tilt: float
    temporal: str
    localiser: bool
    thickness: float | None
    current: float | None


@dataclass(frozen=True, slots=True)
class CtFile:
    """One CT file, its header and its planes."""

    path: Path
    size: int
    sop_uid: str
    series_uid: str
    frame_uid: str
    description: str
    rows: int
    columns: int
    manufacturer: str
    kernel: str
    frames: tuple[CtFrame, ...]
    whole: bool
    """False when the file ends before its pixel data do."""

    @property
    def localiser(self) -> bool:
        """Whether it holds nothing but localisers."""
        return all(frame.localiser for frame in self.frames)


@dataclass(frozen=True, slots=True)
class MaskFile:
    """One file that may mark a tumour; a volume (NIfTI, NRRD) has no UID."""

    path: Path
    size: int
    kind: MaskKind
    sop_uid: str = ""


_OWN_OF_A_FILE = frozenset({"path", "size", "sop_uid", "frames"})
_OWN_OF_A_FRAME = frozenset({"position"})
Part = TypeVar("Part", CtFile, CtFrame)


def ct_file(data: Dataset, *, path: Path, size: int, whole_file: bool) -> CtFile:
    """Take what is needed from the header of a CT Image, Enhanced CT or Legacy Converted Enhanced CT."""
    enhanced = uid(data, "SOPClassUID") in ENHANCED
    shared = _groups(next(items(data, "SharedFunctionalGroupsSequence"), Dataset())) if enhanced else Dataset()
    kernel = text(data, "ConvolutionKernel") or text(shared, "ConvolutionKernel")
    frames = _enhanced_frames(data, shared) if enhanced else (_frame(data, number_in_file=0),)
    return CtFile(
        path=path,
        size=size,
        sop_uid=uid(data, "SOPInstanceUID"),
        series_uid=uid(data, "SeriesInstanceUID"),
        frame_uid=uid(data, "FrameOfReferenceUID"),
        description=text(data, "SeriesDescription"),
        rows=whole(data, "Rows") or 0,
        columns=whole(data, "Columns") or 0,
        manufacturer=text(data, "Manufacturer"),
        kernel=kernel,
        frames=frames,
        whole=whole_file,
    )


def kept_once(file: CtFile, known: dict[str, Any]) -> CtFile:
    """The same file; values that are those of a file before it, and that `known` holds, are in memory once."""
    frames = tuple(_kept_once(frame, _OWN_OF_A_FRAME, known) for frame in file.frames)
    return replace(_kept_once(file, _OWN_OF_A_FILE, known), frames=frames)


def _kept_once(one: Part, own: frozenset[str], known: dict[str, Any]) -> Part:
    names = [field.name for field in fields(one) if field.name not in own]
    # by their writing, for 0.0 and -0.0 are equal and not the same
    return replace(one, **{name: known.setdefault(repr(getattr(one, name)), getattr(one, name)) for name in names})


def _enhanced_frames(data: Dataset, shared: Dataset) -> tuple[CtFrame, ...]:
    frames = []
    for index, groups in enumerate(items(data, "PerFrameFunctionalGroupsSequence")):
        values = Dataset()
        for source in (data, shared, _groups(groups)):  # what is nearer to the frame stands
            values.update(source)
        frames.append(_frame(values, number_in_file=index))
    return tuple(frames)


def _groups(functional_groups: Dataset) -> Dataset:
    """The values of all macros of a functional group as one flat dataset."""
    flat = Dataset()
    for element in functional_groups:
        if element.VR == "SQ" and element.value:
            flat.update(element.value[0])
    return flat


def _frame(data: Dataset, *, number_in_file: int) -> CtFrame:
    current = number(data, "XRayTubeCurrent")
    return CtFrame(
        number=number_in_file,
        position=numbers(data, "ImagePositionPatient", count=3),
        orientation=numbers(data, "ImageOrientationPatient", count=6),
        spacing=numbers(data, "PixelSpacing", count=2),
        slope=number(data, "RescaleSlope"),
        intercept=number(data, "RescaleIntercept"),
        tilt=number(data, "GantryDetectorTilt") or 0.0,
        temporal=text(data, "TemporalPositionIndex") or text(data, "TemporalPositionIdentifier"),
        localiser="LOCALIZER" in words(data, "ImageType") + words(data, "FrameType"),
        thickness=number(data, "SliceThickness"),
        current=number(data, "XRayTubeCurrentInmA") if current is None else current,
    )
