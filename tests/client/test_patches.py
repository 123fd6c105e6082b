"""Patches: which slices, which box, which grey."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from phantoms import volume_of

from client.patches import extract_patches, resize_matrix, tumour_box
from common.paper_settings import PAPER_PATCHES

MASKS = arrays.arrays(
    np.uint8, st.tuples(st.integers(1, 6), st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 1)
).filter(lambda mask: bool(mask.any()))


@given(mask=MASKS, margin=st.integers(0, 5))
def test_the_box_holds_the_largest_slice_and_its_margin(mask: np.ndarray, margin: int) -> None:
    box = tumour_box(mask, margin=margin)
    areas = mask.sum(axis=(1, 2))
    assert areas[box.slice] == areas.max()
    assert (areas[: box.slice] < areas.max()).all()
    tight = tumour_box(mask, margin=0)
    assert mask[box.slice].sum() == mask[box.slice, tight.top : tight.bottom, tight.left : tight.right].sum()
    assert (box.top, box.left) == (max(0, tight.top - margin), max(0, tight.left - margin))
    assert (box.bottom, box.right) == (
        min(mask.shape[1], tight.bottom + margin),
        min(mask.shape[2], tight.right + margin),
    )


@settings(deadline=None)
@given(mask=MASKS, low=st.integers(-1100, 400))
def test_patches_keep_their_shape_and_stay_inside_the_window(mask: np.ndarray, low: int) -> None:
    image = np.random.default_rng(1).integers(low, low + 300, mask.shape).astype(np.int16)
    patches = extract_patches(volume_of(image, mask), PAPER_PATCHES)
    assert patches.shape == (3, 112, 112)
    assert patches.dtype == np.uint8
    grey = np.clip((image + 1000) / 1400, 0, 1) * 255
    assert patches.min() >= np.floor(grey.min())
    assert patches.max() <= np.ceil(grey.max())


def test_slices_come_lower_largest_upper_and_end_at_the_edge() -> None:
    mask = np.zeros((3, 20, 20), dtype=np.uint8)
    mask[1, 5:15, 5:15] = 1
    image = np.broadcast_to(np.array([-1000, -300, 400])[:, None, None], mask.shape).astype(np.int16)
    assert extract_patches(volume_of(image, mask), PAPER_PATCHES)[:, 0, 0].tolist() == [0, 128, 255]
    top = np.roll(mask, 1, axis=0)
    assert extract_patches(volume_of(image, top), PAPER_PATCHES)[:, 0, 0].tolist() == [128, 255, 255]
    alone = PAPER_PATCHES.model_copy(update={"slices": 1})
    assert extract_patches(volume_of(image, mask), alone).shape == (1, 112, 112)


def test_an_empty_mask_has_no_box() -> None:
    with pytest.raises(ValueError, match="empty"):
        tumour_box(np.zeros((2, 3, 4)), margin=5)


@given(old=st.integers(1, 300), new=st.integers(32, 300))
def test_resizing_keeps_constants_and_slopes(old: int, new: int) -> None:
    weights = resize_matrix(old, new)
    assert weights.shape == (new, old)
    assert weights.sum(axis=1) == pytest.approx(np.ones(new))
    assert weights.min() >= 0
    places = weights @ (np.arange(old) + 0.5) / old
    wanted = (np.arange(new) + 0.5) / new
    inner = (wanted > 1.5 / min(old, new)) & (wanted < 1 - 1.5 / min(old, new))
    assert places[inner] == pytest.approx(wanted[inner], abs=0.01)


def test_the_same_size_changes_nothing() -> None:
    assert np.array_equal(resize_matrix(112, 112), np.eye(112))
