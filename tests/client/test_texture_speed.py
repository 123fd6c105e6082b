"""Texture counts of our own walk along each direction beside those of PyRadiomics' C code."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from radiomics import cMatrices

from client.texture_speed import Texture, neighbourhood, texture

SHAPES = st.tuples(*[st.integers(1, 6)] * 3).filter(lambda shape: shape[1] * shape[2] > 1)
"""In a single column there is no direction to look in within a slice."""
MASKS = arrays.arrays(bool, SHAPES).filter(lambda mask: bool(mask.any()))
GREYS = st.sampled_from([[1], [1, 2], [2, 3, 7], [1, 4, 5, 40]])


def counted(levels: np.ndarray, mask: np.ndarray, *, force_2d: bool) -> tuple[Texture, np.ndarray]:
    """Ours, and the grey values that occur."""
    present, ranks = np.unique(levels[mask], return_inverse=True)
    return texture(ranks.astype(np.int32), present, neighbourhood(mask, force_2d=force_2d)), present


@settings(deadline=None, max_examples=200)
@given(mask=MASKS, greys=GREYS, seed=st.integers(0, 99), force_2d=st.booleans())
def test_counts_equal_the_c_code(mask: np.ndarray, greys: list[int], seed: int, force_2d: bool) -> None:
    levels = np.random.default_rng(seed).choice(greys, mask.shape).astype(np.int32)
    ours, present = counted(levels, mask, force_2d=force_2d)
    rows, highest, near = present - 1, int(present[-1]), np.array([1])
    pairs, _ = cMatrices.calculate_glcm(levels, mask, near, highest, force_2d, 0)
    runs, _ = cMatrices.calculate_glrlm(levels, mask, highest, max(mask.shape), force_2d, 0)
    dependence = cMatrices.calculate_gldm(levels, mask, near, highest, 0, force_2d, 0)[0, rows]
    differences = cMatrices.calculate_ngtdm(levels, mask, near, highest, force_2d, 0)[0, rows, 1]
    both_ways = ours.pairs + ours.pairs.swapaxes(0, 1)
    np.testing.assert_array_equal(both_ways, (pairs + pairs.swapaxes(1, 2))[0][np.ix_(rows, rows)])
    np.testing.assert_array_equal(ours.runs, runs[0, rows])
    held = ours.dependence.shape[1]
    np.testing.assert_array_equal(ours.dependence, dependence[:, :held])
    assert not dependence[:, held:].any()
    np.testing.assert_allclose(ours.differences, differences, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("force_2d", "looked_in"), [(True, 4), (False, 13)])
def test_a_cube_is_looked_at_from_all_sides(force_2d: bool, looked_in: int) -> None:
    found = neighbourhood(np.ones((3, 3, 3), dtype=bool), force_2d=force_2d)
    assert len(found.directions) == looked_in
    assert found.neighbours.max() == 2 * looked_in


def test_levels_that_do_not_occur_keep_their_distance() -> None:
    levels = np.array([[[1, 9], [1, 9]]], dtype=np.int32)
    ours, present = counted(levels, np.ones(levels.shape, dtype=bool), force_2d=True)
    assert list(present) == [1, 9]
    # every voxel has one neighbour of its own level and two of the other
    np.testing.assert_allclose(ours.differences, [2 * 16 / 3, 2 * 16 / 3])
