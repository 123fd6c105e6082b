"""What a gzipped volume promises of its content, so that it need not be unzipped twice to know that all was read."""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from client.volume_files import SUFFIXES, ImageError, check_spacing, gzipped_body, nifti_header

_BEGINNING_BYTES = 65536
_TRAILER_BYTES = 8


@dataclass(frozen=True)
class Promise:
    """CRC-32 and length (bytes) of what a file holds unzipped, and what of it precedes the voxels."""

    checksum: int
    length: int
    before: bytes

    def kept_by(self, voxels: np.ndarray) -> bool:
        """Whether these are the voxels as the file stores them, every bit."""
        if len(self.before) + voxels.nbytes != self.length:
            return False
        return zlib.crc32(voxels.data, zlib.crc32(self.before)) == self.checksum


def promised_content(path: Path) -> Promise | None:
    """What the end of a gzipped NIfTI or NRRD file promises (RFC 1952); None when only `check_whole` can tell.

    Its header has then passed the checks of `check_whole`; its voxels pass once they are read and keep the promise.
    Those that the reader had to swap, rescale or fill in do not keep it. A flaw in the mark that ends the compressed
    part, which changes no voxel, is not noticed.
    """
    name = path.name.lower()
    if not name.endswith(SUFFIXES) or not path.is_file():
        return None
    try:
        beginning, trailer = _ends(path)
        promise = _nrrd_promise if name.endswith(".nrrd") else _nifti_promise
        return promise(path, beginning, *struct.unpack("<2I", trailer))
    except (OSError, ImageError, zlib.error):
        return None


def _ends(path: Path) -> tuple[bytes, bytes]:
    with path.open("rb") as file:
        beginning = file.read(_BEGINNING_BYTES)
        file.seek(-_TRAILER_BYTES, os.SEEK_END)
        return beginning, file.read(_TRAILER_BYTES)


def _nifti_promise(path: Path, beginning: bytes, checksum: int, length: int) -> Promise | None:
    unzipped = zlib.decompressobj(wbits=31).decompress(beginning, _BEGINNING_BYTES)
    header = nifti_header(unzipped)
    # a header that promises another length may make the reader ask for more memory than there is
    if header is None or header.length != length or header.offset > len(unzipped):
        return None
    check_spacing(path, header)
    return Promise(checksum, length, unzipped[: header.offset])


def _nrrd_promise(path: Path, beginning: bytes, checksum: int, length: int) -> Promise | None:
    return Promise(checksum, length, b"") if gzipped_body(path, beginning) else None
