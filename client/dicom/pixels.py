"""The voxels of a stack in HU."""

from __future__ import annotations

from pathlib import Path

import gdcm
import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.dataset import FileDataset
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from client.dicom.codestreams import check_streams
from client.dicom.errors import DicomError, reading
from client.dicom.series import Slice
from client.dicom.stack import Stack
from client.dicom.tags import number, text, uid

AIR_HU = -1024
"""What padding becomes; nothing in a CT is less dense than air."""

for _quiet in (gdcm.Trace.WarningOff, gdcm.Trace.ErrorOff, gdcm.Trace.DebugOff):
    _quiet()


def stack_image(stack: Stack) -> tuple[sitk.Image, tuple[str, ...]]:
    """The CT in HU with origin, spacing and direction, and notes; int16 where all values are whole and fit.

    Otherwise float32. Voxels of PixelPaddingValue below air become air. DicomError when a slice cannot be decoded.
    """
    planes, padded = [], 0
    last: tuple[Path, np.ndarray, FileDataset] | None = None
    for one in stack.slices:
        if last is None or last[0] != one.path:
            last = (one.path, *_decoded(one))
        plane, count = _hounsfield(one, last[1], last[2])
        planes.append(plane)
        padded += count
    image = sitk.GetImageFromArray(np.stack(planes))
    image.SetOrigin([float(value) for value in stack.origin])
    image.SetSpacing([float(value) for value in stack.spacing])
    image.SetDirection([float(value) for value in stack.axes.ravel()])
    return image, ((f"{padded} voxels of padding set to {AIR_HU} HU",) if padded else ())


def decoded(data: FileDataset, path: Path) -> np.ndarray:
    """The stored values (frames, rows, columns) of a grey image; DicomError names a syntax that cannot be decoded."""
    with reading(path):
        syntax = UID(uid(data.file_meta, "TransferSyntaxUID"))
        if not syntax:  # a file without meta information
            data.file_meta.TransferSyntaxUID = (
                ImplicitVRLittleEndian if data.original_encoding[0] else ExplicitVRLittleEndian
            )
        elif syntax.is_compressed and not _decodable(syntax):
            raise DicomError(
                path,
                f"its pixels are stored as {syntax.name}, which cannot be decoded here; "
                "export it as Explicit VR Little Endian",
            )
        if text(data, "PhotometricInterpretation") != "MONOCHROME2" or number(data, "SamplesPerPixel") != 1:
            raise DicomError(path, "is no grey image with one value a voxel (MONOCHROME2); export the original series")
        check_streams(data, syntax)
        values = data.pixel_array
        return values.reshape(-1, *values.shape[-2:])


def _decodable(syntax: UID) -> bool:
    if syntax.is_deflated:
        return True
    try:
        return get_decoder(syntax).is_available
    except NotImplementedError:
        return False


def _decoded(one: Slice) -> tuple[np.ndarray, FileDataset]:
    with reading(one.path):
        data = pydicom.dcmread(one.path, force=True)
    values = decoded(data, one.path)
    expected = (len(one.file.frames), one.file.rows, one.file.columns)
    if values.shape != expected:
        found, promised = (" x ".join(map(str, shape)) for shape in (values.shape, expected))
        raise DicomError(one.path, f"holds {found} voxels where its header promises {promised}; export it again")
    return values, data


def _hounsfield(one: Slice, values: np.ndarray, data: FileDataset) -> tuple[np.ndarray, int]:
    """One plane in HU, int16 or float32, and the number of its padded voxels."""
    stored = values[one.frame.number].astype(np.float64)
    plane = stored * (one.frame.slope or 1.0) + (one.frame.intercept or 0.0)
    padding = _padding(data)
    padded = 0
    if padding is not None:
        outside = (stored >= padding[0]) & (stored <= padding[1]) & (plane < AIR_HU)
        padded = int(outside.sum())
        plane[outside] = AIR_HU
    fits = np.abs(plane).max() <= 32767 and (plane == np.rint(plane)).all()
    return plane.astype(np.int16 if fits else np.float32), padded


def _padding(data: FileDataset) -> tuple[float, float] | None:
    value = number(data, "PixelPaddingValue")
    if value is None:
        return None
    limit = number(data, "PixelPaddingRangeLimit")
    return min(value, value if limit is None else limit), max(value, value if limit is None else limit)
