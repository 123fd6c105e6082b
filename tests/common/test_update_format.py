"""Updates as quantised, compressed changes: small, close, and nothing but an update of these weights."""

from __future__ import annotations

import numpy as np
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import PeerError
from common.update_format import BLOCK, PACKED, UpdateFormat, pack, unpack

FORMATS: tuple[UpdateFormat, ...] = ("float16", "int8")
LOST = {"float16": 2.0**-11, "int8": 1 / 254}


def weights(size: int, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {"parameters": random.normal(size=size).astype(np.float32), "buffers": np.zeros(0, dtype=np.float32)}


def moved(before: dict[str, np.ndarray], step: float, seed: int = 1) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {
        name: (values + step * random.normal(size=values.size)).astype(np.float32) for name, values in before.items()
    }


@pytest.mark.parametrize("update_format", FORMATS)
@settings(deadline=None, max_examples=30)
@given(size=st.integers(1, 3 * BLOCK), step=st.sampled_from([1e-6, 1e-3, 1.0, 1e6]))
def test_what_is_lost_of_a_change_is_bounded_by_the_largest_of_its_block(
    update_format: UpdateFormat, size: int, step: float
) -> None:
    before = weights(size)
    after = moved(before, step)
    found = unpack(before, pack(before, after, update_format), update_format)
    assert set(found) == set(after)
    change = after["parameters"] - before["parameters"]
    error = np.abs(found["parameters"] - before["parameters"] - change)
    for start in range(0, size, BLOCK):
        part = slice(start, start + BLOCK)
        largest = np.abs(change[part]).max()
        rounding = 2.0**-22 * np.abs(np.concatenate([before["parameters"][part], after["parameters"][part]])).max()
        assert error[part].max() <= LOST[update_format] * largest * 1.01 + rounding


@pytest.mark.parametrize("update_format", FORMATS)
def test_a_layer_of_large_changes_does_not_spoil_another(update_format: UpdateFormat) -> None:
    before = weights(2 * BLOCK)
    after = {name: values.copy() for name, values in before.items()}
    after["parameters"][:BLOCK] += 100
    after["parameters"][BLOCK:] += 1e-3
    found = unpack(before, pack(before, after, update_format), update_format)
    assert np.allclose(found["parameters"][BLOCK:] - before["parameters"][BLOCK:], 1e-3, rtol=1e-3)


@pytest.mark.parametrize("update_format", FORMATS)
def test_what_did_not_move_stays_to_the_last_bit(update_format: UpdateFormat) -> None:
    before = weights(BLOCK + 7)
    packed = pack(before, before, update_format)
    assert np.array_equal(unpack(before, packed, update_format)["parameters"], before["parameters"])
    assert packed[f"{PACKED}parameters"].size < 100


def test_bytes_are_a_half_and_a_quarter_or_less() -> None:
    before = weights(50 * BLOCK)
    after = moved(before, 1e-3)
    sizes = {one: sum(part.size for part in pack(before, after, one).values()) for one in FORMATS}
    whole = before["parameters"].nbytes
    assert sizes["float16"] < 0.51 * whole and sizes["int8"] < 0.26 * whole


def test_whole_weights_are_left_as_they_are() -> None:
    before = weights(10)
    after = moved(before, 1.0)
    assert pack(before, after, "float32") == after


def of(data: bytes) -> dict[str, np.ndarray]:
    return {f"{PACKED}parameters": np.frombuffer(data, dtype=np.uint8)}


@pytest.mark.parametrize(
    "packed",
    [
        of(b"no zstandard"),
        of(pyarrow.Codec("zstd").compress(bytes(100), asbytes=True)),
        of(pyarrow.Codec("zstd").compress(bytes(10**8), asbytes=True)),
        {f"{PACKED}others": np.zeros(3, dtype=np.uint8)},
        {"parameters": np.zeros(10, dtype=np.float32)},
    ],
    ids=["no zstandard", "too short", "a bomb", "another array", "not packed"],
)
@pytest.mark.parametrize("update_format", FORMATS)
def test_what_is_no_update_of_these_weights_is_refused(
    packed: dict[str, np.ndarray], update_format: UpdateFormat
) -> None:
    with pytest.raises(PeerError, match="the update is packed and"):
        unpack(weights(BLOCK), packed, update_format)


def test_infinite_scales_are_refused() -> None:
    scale, numbers = np.array([np.inf], dtype="<f4"), np.ones(BLOCK, dtype="i1")
    data = pyarrow.Codec("zstd").compress(scale.tobytes() + numbers.tobytes(), asbytes=True)
    with pytest.raises(PeerError, match="holds NaN or infinity"):
        unpack(weights(BLOCK), of(data), "int8")
