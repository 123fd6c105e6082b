"""NIfTI-1 files as bytes, the same for the same voxels: no time stamps, no file names inside."""

from __future__ import annotations

import gzip
import struct

import numpy as np
from numpy.typing import NDArray

HEADER_BYTES = 352
DESCRIPTION = slice(148, 228)
"""Place of the free text in the header."""
_TYPES = {np.dtype(np.int16): (4, 16), np.dtype(np.uint8): (2, 8)}


def _header(shape: tuple[int, ...], code: int, bits: int, spacing: tuple[float, float, float], text: str) -> bytes:
    header = bytearray(HEADER_BYTES)
    offset = tuple((size - 1) * step / 2 for size, step in zip(shape[::-1], spacing, strict=True))
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, *shape[::-1], 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, code, bits)
    # Index axes run to the left, to the back and upwards; NIfTI's own run to the right, to the front and upwards.
    struct.pack_into("<8f", header, 76, 1.0, *spacing, 0, 0, 0, 0)
    struct.pack_into("<2f", header, 108, HEADER_BYTES, 1.0)
    header[123] = 2
    header[DESCRIPTION] = text.encode("ascii")[:79].ljust(80, b"\0")
    struct.pack_into("<2h", header, 252, 1, 1)
    struct.pack_into("<6f", header, 256, 0, 0, 1, offset[0], offset[1], -offset[2])
    struct.pack_into("<4f", header, 280, -spacing[0], 0, 0, offset[0])
    struct.pack_into("<4f", header, 296, 0, -spacing[1], 0, offset[1])
    struct.pack_into("<4f", header, 312, 0, 0, spacing[2], -offset[2])
    header[344:348] = b"n+1\0"
    return bytes(header)


def nifti_bytes(
    voxels: NDArray[np.int16] | NDArray[np.uint8], *, spacing_mm: tuple[float, float, float], text: str, level: int
) -> bytes:
    """A volume (z, y, x) with its voxel size (x, y, z) as a NIfTI-1 file, gzipped when `level` is above 0."""
    code, bits = _TYPES[voxels.dtype]
    little = voxels.astype(voxels.dtype.newbyteorder("<"), copy=False)
    content = _header(voxels.shape, code, bits, spacing_mm, text) + little.tobytes()
    return gzip.compress(content, compresslevel=level, mtime=0) if level else content
