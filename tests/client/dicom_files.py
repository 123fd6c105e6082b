"""Small made-up DICOM files for tests: CT series, RTSTRUCT and SEG, written tag by tag."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import gdcm
import highdicom
import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    RTStructureSetStorage,
    generate_uid,
)

Numbers3 = tuple[float, float, float]
Edit = Callable[[Dataset, int], None]
ORIGIN = (-12.5, 7.25, 100.0)
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


@dataclass(frozen=True)
class CtSeries:
    """A CT series on disk: files from the lowest slice up, voxels (z, y, x) in HU, spacing (x, y, z) in mm."""

    files: tuple[Path, ...]
    study_uid: str
    series_uid: str
    frame_of_reference_uid: str
    voxels: np.ndarray
    patient_id: str
    spacing: Numbers3 = (1.0, 1.0, 2.0)
    origin: Numbers3 = ORIGIN

    @property
    def centre(self) -> Numbers3:
        """Middle of the volume in mm."""
        size = self.voxels.shape[::-1]
        return tuple(o + (n - 1) / 2 * s for o, n, s in zip(self.origin, size, self.spacing, strict=True))  # type: ignore[return-value]


def write_ct_series(
    folder: Path,
    *,
    patient_id: str = "H-1",
    size: tuple[int, int, int] = (32, 32, 12),
    spacing: Numbers3 = (1.0, 1.0, 2.0),
    origin: Numbers3 = ORIGIN,
    orientation: Sequence[float] = AXIAL,
    voxels: np.ndarray | None = None,
    kernel: str = "B30f",
    manufacturer: str = "SIEMENS",
    tube_current: str = "210",
    description: str = "Thorax B30f",
    transfer_syntax: str = ExplicitVRLittleEndian,
    study_uid: str | None = None,
    frame_of_reference_uid: str | None = None,
    prefix: str = "IM",
    edit: Edit | None = None,
) -> CtSeries:
    """Write an axial CT of `size` (x, y, z); names and instance numbers run against the positions.

    Voxels are (z, y, x) in whole HU from -1024 on; without them noisy lung with a ball of soft tissue in its middle.
    `edit(dataset, index)` may change any slice before it is written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    hounsfield = lung_with_ball(size, spacing) if voxels is None else voxels
    study, series, frame = study_uid or generate_uid(), generate_uid(), frame_of_reference_uid or generate_uid()
    files = []
    for index, plane in enumerate(hounsfield):
        path = folder / f"{prefix}{len(hounsfield) - index:04d}.dcm"
        data = _file(path, CTImageStorage, patient_id, study, series)
        data.update(
            _of(
                Modality="CT",
                FrameOfReferenceUID=frame,
                SeriesDescription=description,
                ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
                InstanceNumber=str(len(hounsfield) - index),
                ImagePositionPatient=_position(origin, orientation, index * spacing[2]),
                ImageOrientationPatient=list(orientation),
                PixelSpacing=[spacing[1], spacing[0]],
                SliceThickness=str(spacing[2]),
                Manufacturer=manufacturer,
                ConvolutionKernel=kernel,
                XRayTubeCurrent=tube_current,
                KVP="120",
                RescaleSlope="1",
                RescaleIntercept="-1024",
                RescaleType="HU",
            )
        )
        _pixels(data, plane)
        if edit:
            edit(data, index)
        data.save_as(path, enforce_file_format=True)
        if transfer_syntax != ExplicitVRLittleEndian:
            recode(path, transfer_syntax)
        files.append(path)
    return CtSeries(tuple(files), study, series, frame, hounsfield, patient_id, spacing, origin)


def lung_with_ball(size: tuple[int, int, int], spacing: Numbers3, *, radius_mm: float = 6.0) -> np.ndarray:
    """Noisy lung (z, y, x), int16 HU, with a ball of soft tissue in its middle."""
    z, y, x = (
        (np.arange(count) - (count - 1) / 2) * step for count, step in zip(size[::-1], spacing[::-1], strict=True)
    )
    inside = z[:, None, None] ** 2 + y[None, :, None] ** 2 + x[None, None, :] ** 2 < radius_mm**2
    noise = np.random.default_rng(0).normal(0, 45, inside.shape)
    return np.clip(np.where(inside, 40, -850) + noise, -1024, 3000).astype(np.int16)


def ball_mask(series: CtSeries, *, radius_mm: float = 6.0, centre: Numbers3 | None = None) -> np.ndarray:
    """Voxels (z, y, x) whose centres lie in a ball."""
    middle = centre or series.centre
    x, y, z = (
        origin + np.arange(count) * step - place
        for origin, count, step, place in zip(
            series.origin, series.voxels.shape[::-1], series.spacing, middle, strict=True
        )
    )
    return z[:, None, None] ** 2 + y[None, :, None] ** 2 + x[None, None, :] ** 2 < radius_mm**2


def ball_contours(
    series: CtSeries, *, radius_mm: float = 6.0, centre: Numbers3 | None = None, points: int = 90
) -> list[np.ndarray]:
    """Circles (points, 3) in mm around a ball, one for each slice that meets it."""
    middle = centre or series.centre
    contours = []
    for index in range(len(series.voxels)):
        height = series.origin[2] + index * series.spacing[2]
        left = radius_mm**2 - (height - middle[2]) ** 2
        if left > 0:
            contours.append(circle(middle[0], middle[1], height, radius_mm=left**0.5, points=points))
    return contours


def circle(x: float, y: float, z: float, *, radius_mm: float, points: int = 90) -> np.ndarray:
    """A circle (points, 3) in an axial plane, mm."""
    turn = np.arange(points) * (2 * np.pi / points)
    return np.stack([x + radius_mm * np.cos(turn), y + radius_mm * np.sin(turn), np.full(points, z)], axis=1)


def write_rtstruct(
    path: Path,
    series: CtSeries,
    rois: Mapping[str, Sequence[np.ndarray]],
    *,
    geometric_type: str = "CLOSED_PLANAR",
    references: Literal["series", "images", "none"] = "series",
    date: str = "20240501",
    time: str = "101500",
    edit: Callable[[Dataset], None] | None = None,
) -> Path:
    """Write structures, each a list of contours (points, 3) in mm, that name the series, only its images, or neither.

    `edit(dataset)` may change the object before it is written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    data = _file(path, RTStructureSetStorage, series.patient_id, series.study_uid, generate_uid())
    data.update(_of(Modality="RTSTRUCT", StructureSetLabel="plan", StructureSetDate=date, StructureSetTime=time))
    frame = _of(FrameOfReferenceUID=series.frame_of_reference_uid)
    if references == "series":
        images = [_image_reference(file) for file in series.files]
        named = _of(SeriesInstanceUID=series.series_uid, ContourImageSequence=images)
        study = _of(ReferencedSOPClassUID="1.2.840.10008.3.1.2.3.1", ReferencedSOPInstanceUID=series.study_uid)
        study.RTReferencedSeriesSequence = [named]
        frame.RTReferencedStudySequence = [study]
    data.ReferencedFrameOfReferenceSequence = [frame]
    data.StructureSetROISequence = [
        _of(ROINumber=number, ROIName=name, ReferencedFrameOfReferenceUID=series.frame_of_reference_uid)
        for number, name in enumerate(rois, 1)
    ]
    data.ROIContourSequence = [
        _of(ReferencedROINumber=number, ContourSequence=[_contour(one, geometric_type) for one in contours])
        for number, contours in enumerate(rois.values(), 1)
    ]
    if references == "images":
        for roi in data.ROIContourSequence:
            for contour in roi.ContourSequence:
                contour.ContourImageSequence = [_image_reference(series.files[0])]
    if edit:
        edit(data)
    data.save_as(path, enforce_file_format=True)
    return path


def write_seg(
    path: Path,
    series: CtSeries,
    segments: Mapping[str, np.ndarray],
    *,
    kind: Literal["BINARY", "FRACTIONAL", "LABELMAP"] = "BINARY",
    omit_empty: bool = True,
    edit: Callable[[Dataset], None] | None = None,
) -> Path:
    """Write segments, each (z, y, x) over the whole series: bool, or 0 to 1 where FRACTIONAL.

    LABELMAP takes segments that do not overlap. `omit_empty` leaves the frames without a marked voxel out.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    sources = [pydicom.dcmread(file) for file in series.files]
    voxels = np.stack(list(segments.values()), axis=-1)
    if kind == "LABELMAP":
        voxels = (voxels * np.arange(1, voxels.shape[-1] + 1)).sum(axis=-1).astype(np.uint8)
    else:
        voxels = voxels.astype(np.float32 if kind == "FRACTIONAL" else np.uint8)
    seg = highdicom.seg.Segmentation(
        source_images=sources,
        pixel_array=voxels,
        segmentation_type=kind,
        segment_descriptions=[_segment(number, name) for number, name in enumerate(segments, 1)],
        series_instance_uid=generate_uid(),
        series_number=9,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="made up",
        manufacturer_model_name="made up",
        software_versions="1",
        device_serial_number="1",
        omit_empty_frames=omit_empty,
    )
    if edit:
        edit(seg)
    seg.save_as(path)
    return path


def write_enhanced_ct(
    path: Path, series: CtSeries, *, legacy: bool = False, edit: Callable[[Dataset], None] | None = None
) -> Path:
    """Write the series as one multi-frame CT, its frames from the top down; Legacy Converted when `legacy`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    slices = [pydicom.dcmread(file) for file in series.files[::-1]]
    if legacy:
        data: Any = highdicom.legacy.LegacyConvertedEnhancedCTImage(
            slices, series_instance_uid=series.series_uid, series_number=4, sop_instance_uid=generate_uid(),
            instance_number=1,
        )  # fmt: skip
    else:
        data = _enhanced(path, series, slices)
    if edit:
        edit(data)
    data.save_as(path, enforce_file_format=True)
    return path


def recode(path: Path, transfer_syntax: str) -> None:
    """Rewrite a file in another transfer syntax, by GDCM."""
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(str(transfer_syntax))))
    assert reader.Read()
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()


def _of(**values: Any) -> Dataset:
    data = Dataset()
    for name, value in values.items():
        setattr(data, name, value)
    return data


def _file(path: Path, sop_class: str, patient_id: str, study: str, series: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    data.update(
        _of(
            SOPClassUID=sop_class,
            SOPInstanceUID=meta.MediaStorageSOPInstanceUID,
            PatientID=patient_id,
            PatientName="Doe^Jane",
            PatientBirthDate="19550101",
            PatientSex="F",
            StudyInstanceUID=study,
            SeriesInstanceUID=series,
            StudyID="1",
            StudyDate="20240424",
            StudyTime="101000",
            AccessionNumber="A77",
            ReferringPhysicianName="",
            SeriesNumber="3",
        )
    )
    return data


def _position(origin: Numbers3, orientation: Sequence[float], distance: float) -> list[float]:
    normal = np.cross(orientation[:3], orientation[3:])
    return [round(float(value), 6) for value in np.array(origin) + distance * normal]


def _pixels(data: Dataset, plane: np.ndarray) -> None:
    data.update(
        _of(
            SamplesPerPixel=1,
            PhotometricInterpretation="MONOCHROME2",
            Rows=plane.shape[0],
            Columns=plane.shape[1],
            BitsAllocated=16,
            BitsStored=16,
            HighBit=15,
            PixelRepresentation=0,
        )
    )
    data.add_new("PixelData", "OW", (plane.astype(np.int32) + 1024).astype("<u2").tobytes())


def _image_reference(file: Path) -> Dataset:
    uid = pydicom.dcmread(file, specific_tags=["SOPInstanceUID"]).SOPInstanceUID
    return _of(ReferencedSOPClassUID=CTImageStorage, ReferencedSOPInstanceUID=uid)


def _contour(points: np.ndarray, geometric_type: str) -> Dataset:
    return _of(
        ContourGeometricType=geometric_type,
        NumberOfContourPoints=len(points),
        ContourData=[f"{value:.4f}" for value in np.asarray(points).ravel()],
    )


def _segment(number: int, name: str) -> highdicom.seg.SegmentDescription:
    return highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=name,
        segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
        segmented_property_type=codes.SCT.Neoplasm,
        algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.MANUAL,
    )


def _enhanced(path: Path, series: CtSeries, slices: Sequence[Dataset]) -> FileDataset:
    data = _file(path, EnhancedCTImageStorage, series.patient_id, series.study_uid, series.series_uid)
    first = slices[0]
    data.update(
        _of(
            Modality="CT",
            FrameOfReferenceUID=series.frame_of_reference_uid,
            SeriesDescription=first.SeriesDescription,
            ImageType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
            Manufacturer=first.Manufacturer,
            NumberOfFrames=len(slices),
        )
    )
    _pixels(data, series.voxels[0])
    data.add_new("PixelData", "OW", b"".join(one.PixelData for one in slices))
    shared = _of(
        PixelMeasuresSequence=[_of(PixelSpacing=first.PixelSpacing, SliceThickness=first.SliceThickness)],
        PlaneOrientationSequence=[_of(ImageOrientationPatient=first.ImageOrientationPatient)],
        PixelValueTransformationSequence=[_of(RescaleSlope="1", RescaleIntercept="-1024", RescaleType="HU")],
        CTReconstructionSequence=[_of(ConvolutionKernel=first.ConvolutionKernel)],
        CTExposureSequence=[_of(XRayTubeCurrentInmA=float(first.XRayTubeCurrent))],
    )
    data.SharedFunctionalGroupsSequence = [shared]
    data.PerFrameFunctionalGroupsSequence = [
        _of(
            PlanePositionSequence=[_of(ImagePositionPatient=one.ImagePositionPatient)],
            FrameContentSequence=[_of(TemporalPositionIndex=1)],
        )
        for one in slices
    ]
    return data
