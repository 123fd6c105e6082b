"""A site's update as quantised, compressed changes: what a round moved, not the weights, which would lose more.

Values are taken in blocks, each divided by its largest change, so that no layer's scale spoils another's; then whole
numbers of 8 bits, or numbers of 16; then Zstandard. The format says how much is lost, never what is computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pyarrow

from common.errors import PeerError

UpdateFormat = Literal["float32", "float16", "int8"]
Arrays = Mapping[str, np.ndarray]
PACKED = "packed_"
"""Before the name of an array whose changes are packed."""
BLOCK = 4096
_LEVEL = 3
_TYPES: dict[UpdateFormat, str] = {"float16": "<f2", "int8": "i1"}
_SCALE = "<f4"


def pack(before: Arrays, after: Arrays, update_format: UpdateFormat) -> dict[str, np.ndarray]:
    """The changes from one set of arrays to the other, uint8 by `packed_` name; float32 leaves the arrays as they are.

    What is lost of a change is at most 1/254 of the largest in its block with int8, 1/2048 of itself with float16.
    """
    if update_format == "float32":
        return dict(after)
    return {PACKED + name: _packed(before[name], values, _TYPES[update_format]) for name, values in after.items()}


def unpack(before: Arrays, packed: Arrays, update_format: UpdateFormat) -> dict[str, np.ndarray]:
    """The inverse, float32, but for what was lost; PeerError for bytes that are no update of these arrays."""
    if update_format == "float32":
        return dict(packed)
    dtype = _TYPES[update_format]
    return {
        name.removeprefix(PACKED): _unpacked(before.get(name.removeprefix(PACKED)), data, dtype)
        for name, data in packed.items()
    }


def _packed(before: np.ndarray, after: np.ndarray, dtype: str) -> np.ndarray:
    changes = _blocks(after.astype(np.float32) - before)
    scale = np.abs(changes).max(axis=1, keepdims=True).astype(_SCALE)
    shares = np.divide(changes, scale, out=np.zeros_like(changes), where=scale > 0)
    numbers = np.rint(shares * 127) if dtype == "i1" else shares
    # bytes of one rank side by side compress better
    planes = numbers.astype(dtype).view(np.uint8).reshape(-1, np.dtype(dtype).itemsize).T
    data = scale.tobytes() + np.ascontiguousarray(planes).tobytes()
    return np.frombuffer(pyarrow.Codec("zstd", compression_level=_LEVEL).compress(data, asbytes=True), dtype=np.uint8)


def _unpacked(before: np.ndarray | None, data: np.ndarray, dtype: str) -> np.ndarray:
    if before is None or data.dtype != np.uint8:
        raise PeerError("the update is packed and has other arrays than those that were asked for")
    blocks, width = -(-before.size // BLOCK), np.dtype(dtype).itemsize
    size = blocks * (4 + BLOCK * width)
    try:
        # never more than this is unpacked, whatever the bytes say
        whole = pyarrow.Codec("zstd").decompress(data.tobytes(), decompressed_size=size, asbytes=True)
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise PeerError("the update is packed and cannot be unpacked to the size of the weights") from error
    if len(whole) != size:
        raise PeerError("the update is packed and is not of the size of the weights")
    scale = np.frombuffer(whole, dtype=_SCALE, count=blocks)[:, None]
    planes = np.frombuffer(whole, dtype=np.uint8, offset=4 * blocks).reshape(width, -1)
    numbers = np.ascontiguousarray(planes.T).view(dtype).reshape(blocks, BLOCK).astype(np.float32)
    changes = (numbers / 127 if dtype == "i1" else numbers) * scale
    after = (before + changes.ravel()[: before.size]).astype(np.float32)
    if not np.isfinite(after).all():
        raise PeerError("the update is packed and holds NaN or infinity")
    return np.asarray(after)


def _blocks(values: np.ndarray) -> np.ndarray:
    padded = np.zeros(-(-values.size // BLOCK) * BLOCK, dtype=np.float32)
    padded[: values.size] = values
    return padded.reshape(-1, BLOCK)
