"""The head of a JPEG, JPEG-LS or JPEG 2000 stream, checked before a decoder sees it.

GDCM ends the process over some damaged heads, and asks for memory by what they say.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.uid import UID, JPEG2000TransferSyntaxes, JPEGLSTransferSyntaxes, JPEGTransferSyntaxes

_START_OF_SCAN = 0xDA
_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xF7})
"""Baseline, extended, progressive, lossless, JPEG-LS."""
_OTHERS = frozenset({0xC4, 0xDB, 0xDD, 0xF8, 0xFE, *range(0xE0, 0xF0), _START_OF_SCAN})
"""Tables, restart interval, JPEG-LS parameters, comment, application data."""


def check_streams(data: Dataset, syntax: UID) -> None:
    """Raise ValueError unless each compressed frame begins as one grey image of the dataset's rows and columns."""
    jpeg = syntax in (*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes)
    if not jpeg and syntax not in JPEG2000TransferSyntaxes:
        return
    expected = (data.Rows, data.Columns, 1)
    count = int(data.get("NumberOfFrames") or 1)
    for frame in generate_frames(data.PixelData, number_of_frames=count):
        *head, precision = _jpeg_head(frame) if jpeg else _jpeg_2000_head(frame)
        if tuple(head) != expected or not data.BitsAllocated // 2 < precision <= data.BitsAllocated:
            raise ValueError("the compressed stream is not the grey image that the header promises")


def _jpeg_head(frame: bytes) -> tuple[int, int, int, int]:
    """Rows, columns, components and bits of a JPEG or JPEG-LS stream, ISO 10918-1 B.2."""
    heads = [body for marker, body in _segments(frame) if marker in _FRAMES]
    scans = [body for marker, body in _segments(frame) if marker == _START_OF_SCAN]
    if len(heads) != 1 or len(heads[0]) != 9 or scans[0][:1] != b"\1" or scans[0][1] != heads[0][6]:
        raise ValueError("no single frame header with one component")
    return _number(heads[0][1:3]), _number(heads[0][3:5]), heads[0][5], heads[0][0]


def _segments(frame: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and body of each segment up to the start of the scan, one directly behind the other."""
    if frame[:2] != b"\xff\xd8":
        raise ValueError("no start of image")
    place, marker = 2, 0
    while marker != _START_OF_SCAN:
        marker, length = frame[place + 1], _number(frame[place + 2 : place + 4])
        if frame[place] != 0xFF or marker not in _FRAMES | _OTHERS or length < 2 or place + 2 + length > len(frame):
            raise ValueError("a segment that is none")
        yield marker, frame[place + 4 : place + 2 + length]
        place += 2 + length


def _jpeg_2000_head(frame: bytes) -> tuple[int, int, int, int]:
    """Rows, columns, components and bits of a JPEG 2000 stream, ISO 15444-1 A.5.1."""
    if frame[:4] != b"\xff\x4f\xff\x51":
        raise ValueError("no image size at the start")
    width, height, left, top = (_number(frame[at : at + 4]) for at in (8, 12, 16, 20))
    return height - top, width - left, _number(frame[40:42]), (frame[42] & 0x7F) + 1


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")
