"""Whether an image file is whole; ITK fills what is missing from a cut NIfTI with zeros and says nothing."""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.errors import DataError

SUFFIXES = (".nii", ".nii.gz", ".nrrd")
LEAST_SPACING_MM, MOST_SPACING_MM = 0.01, 50
_REMEDY = "copy or export it again"


class ImageError(DataError):
    """One image or mask that cannot be used; `path` and `reason` apart, together the message."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


def check_whole(path: Path) -> None:
    """Raise ImageError when a NIfTI or NRRD file is missing, of another format, cut short, changed or not finite."""
    if not path.exists():
        raise ImageError(path, "there is no such file; correct its name in the table or put the file there")
    if not path.is_file() or not path.name.lower().endswith(SUFFIXES):
        raise ImageError(path, f"is not a {', '.join(SUFFIXES)} file; convert it to one of these")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImageError(path, f"cannot be read ({error.strerror}); check its permissions and the disk") from error
    if not data:
        raise ImageError(path, f"is empty; {_REMEDY}")
    if path.name.lower().endswith(".nrrd"):
        _check_nrrd(path, data)
    else:
        _check_nifti(path, data)


@dataclass(frozen=True)
class NiftiHeader:
    """What a NIfTI header says of how its voxels are stored, spacing in mm."""

    order: str
    kind: int
    bits: int
    offset: int
    size: tuple[int, ...]
    spacing: tuple[float, ...]
    slope: float
    unit: int

    @property
    def length(self) -> int:
        """Bytes of the whole file, unzipped."""
        return self.offset + math.prod(self.size) * self.bits // 8


def _check_nifti(path: Path, data: bytes) -> None:
    if data[:2] == b"\x1f\x8b":
        data = _unzip(path, data)
    header = nifti_header(data)
    if header is None:
        raise ImageError(path, f"is damaged, it does not begin as a NIfTI file does; {_REMEDY}")
    check_spacing(path, header)
    if len(data) < header.length:
        raise ImageError(
            path, f"is damaged, it holds {len(data)} of the {header.length} bytes its header promises; {_REMEDY}"
        )
    if kind := {16: "f4", 64: "f8"}.get(header.kind):
        # checked here because the reader turns what is not finite into 0 and says nothing
        voxels = np.frombuffer(data, f"{header.order}{kind}", math.prod(header.size), header.offset)
        check_finite(path, voxels.reshape(header.size[::-1]))


def check_spacing(path: Path, header: NiftiHeader) -> None:
    """Raise ImageError when the header gives no voxel size in mm; ITK would take 1 mm and say nothing."""
    for axis, step in zip("xyz", header.spacing, strict=False):
        if not LEAST_SPACING_MM <= abs(step) <= MOST_SPACING_MM:
            rule = f"it lies between {LEAST_SPACING_MM:g} and {MOST_SPACING_MM:g} mm"
            raise ImageError(path, f"its header gives {step:g} mm as voxel size along {axis}, {rule}; export it again")
    if header.unit not in (0, 2):
        raise ImageError(path, f"its header measures in unit {header.unit}, it must be 2 (mm); export it again in mm")
    if header.offset < 348 or not math.isfinite(header.slope):
        raise ImageError(path, f"is damaged, its header does not say where or how its voxels are stored; {_REMEDY}")


def nifti_header(data: bytes) -> NiftiHeader | None:
    """The header of NIfTI-1 or NIfTI-2; None when it is neither."""
    for order in "<>":
        if len(data) >= 540 and struct.unpack_from(f"{order}i", data)[0] == 540:
            kind, bits = struct.unpack_from(f"{order}2h", data, 12)
            rank, *sizes = struct.unpack_from(f"{order}8q", data, 16)
            spacing, offset = struct.unpack_from(f"{order}3d", data, 112), struct.unpack_from(f"{order}q", data, 168)[0]
            slope, unit = struct.unpack_from(f"{order}d", data, 176)[0], struct.unpack_from(f"{order}i", data, 500)[0]
        elif len(data) >= 348 and struct.unpack_from(f"{order}i", data)[0] == 348:
            kind, bits = struct.unpack_from(f"{order}2h", data, 70)
            rank, *sizes = struct.unpack_from(f"{order}8h", data, 40)
            spacing, offset = struct.unpack_from(f"{order}3f", data, 80), struct.unpack_from(f"{order}f", data, 108)[0]
            slope, unit = struct.unpack_from(f"{order}f", data, 112)[0], data[123]
        else:
            continue
        size = tuple(max(1, length) for length in sizes[: max(0, min(rank, 7))])
        start = int(offset) if math.isfinite(offset) else 0
        return NiftiHeader(order, kind, bits, start, size, spacing[: len(size)], slope, unit & 7)
    return None


def check_finite(path: Path, voxels: np.ndarray) -> None:
    """Raise ImageError when a value of a (..., z, y, x) array is no finite number, with the place of the first."""
    if voxels.dtype.kind != "f" or np.isfinite(voxels).all():
        return
    wrong = np.argwhere(~np.isfinite(voxels))
    place = ", ".join(f"{axis} {index}" for axis, index in zip("xyz", wrong[0][::-1], strict=False))
    raise ImageError(
        path, f"{len(wrong)} voxel(s) are not a finite number, the first at {place}; export the volume again"
    )


def _check_nrrd(path: Path, data: bytes) -> None:
    if body := gzipped_body(path, data):
        _unzip(path, body)


def gzipped_body(path: Path, data: bytes) -> bytes:
    """What follows the header of a NRRD file when it is gzipped, else nothing; ImageError when the header is unfit."""
    header, _, body = data.partition(b"\n\n")
    if b"\r\n\r\n" in data[: len(header)]:
        header, _, body = data.partition(b"\r\n\r\n")
    lines = header.decode("latin-1").lower().splitlines()
    if not lines or not lines[0].startswith("nrrd"):
        raise ImageError(path, f"is damaged, it does not begin as a NRRD file does; {_REMEDY}")
    if any(line.startswith(("data file:", "datafile:")) for line in lines):
        raise ImageError(path, "keeps its voxels in another file; save it as one .nrrd file with the voxels inside")
    if not body:
        raise ImageError(path, f"is damaged, it ends within its header; {_REMEDY}")
    if not any(line.startswith(("spacings:", "space directions:")) for line in lines):
        raise ImageError(path, "its header gives no voxel size, spacings or space directions; export it again")
    gzipped = any(line.replace(" ", "") in ("encoding:gzip", "encoding:gz") for line in lines)
    return body if gzipped else b""


def _unzip(path: Path, data: bytes) -> bytes:
    """The unzipped bytes, their checksum compared; ImageError when the stream is cut or changed."""
    parts = []
    try:
        while data:
            stream = zlib.decompressobj(wbits=31)
            parts.append(stream.decompress(data))
            if not stream.eof:
                raise ImageError(path, f"is damaged, its compressed part ends too early; {_REMEDY}")
            data = stream.unused_data.lstrip(b"\x00")
    except zlib.error as error:
        raise ImageError(
            path, f"is damaged, its compressed part has another checksum than it should; {_REMEDY}"
        ) from error
    return parts[0] if len(parts) == 1 else b"".join(parts)
