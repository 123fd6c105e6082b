"""Free text in the headers of NIfTI and NRRD files, read without the voxels."""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from pathlib import Path

_HEADER_BYTES = 64 * 1024
_NIFTI_1 = {
    "data_type": (4, 10),
    "db_name": (14, 18),
    "descrip": (148, 80),
    "aux_file": (228, 24),
    "intent_name": (328, 16),
}
_NIFTI_2 = {"descrip": (240, 80), "aux_file": (320, 24), "intent_name": (508, 16)}
_DICOM_EXTENSION = 2
_GEOMETRY = re.compile(
    r"^(type|dimension|space|sizes|space directions|kinds|endian|encoding|space origin|spacings|units|thicknesses"
    r"|centerings|labels|byte skip|line skip|space units|measurement frame|space dimension|block size)\s*:(?!=)",
    re.IGNORECASE,
)


def header_texts(path: Path) -> dict[str, str]:
    """Text fields of a NIfTI or NRRD file by name, those that hold something; empty for other files."""
    try:
        data = _beginning(path)
    except (OSError, EOFError, zlib.error):
        return {}
    if data.startswith(b"NRRD"):
        return _nrrd(data)
    for fields, length in ((_NIFTI_1, 348), (_NIFTI_2, 540)):
        if len(data) >= length and length in struct.unpack_from("<i", data) + struct.unpack_from(">i", data):
            texts = {name: _text(data[start : start + size]) for name, (start, size) in fields.items()}
            return {name: text for name, text in texts.items() if text} | _extension(data, length)
    return {}


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    with gzip.open(path) if zipped else path.open("rb") as stream:
        return stream.read(_HEADER_BYTES)


def _text(data: bytes) -> str:
    return data.partition(b"\0")[0].decode("latin-1").strip()


def _extension(data: bytes, length: int) -> dict[str, str]:
    """A header of another format carried behind the NIfTI header."""
    if len(data) < length + 12 or not data[length]:
        return {}
    codes = struct.unpack_from("<i", data, length + 8) + struct.unpack_from(">i", data, length + 8)
    kind = "DICOM header" if _DICOM_EXTENSION in codes else "header extension"
    return {kind: data[length + 12 :].decode("latin-1")}


def _nrrd(data: bytes) -> dict[str, str]:
    header = re.split(rb"\r?\n\r?\n", data, maxsplit=1)[0].decode("utf-8", "replace")
    lines = [line for line in header.splitlines()[1:] if line and not _GEOMETRY.match(line)]
    return {re.split(r":=?", line, maxsplit=1)[0].strip("# ")[:40] or "comment": line for line in lines}
