"""Polygons on a voxel grid: areas, shifts, order and halves."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from client.dicom.polygons import inside_polygon, inside_polygons

SIZE = 64
angles = st.lists(st.floats(0, 2 * np.pi, exclude_max=True), min_size=3, max_size=40, unique=True).map(sorted)
radii = st.floats(3, 22)
shifts = st.floats(-2, 2)


def star(turns: list[float], radius: float, x: float = 31.5, y: float = 31.5) -> np.ndarray:
    """Corners on a circle: a convex polygon (n, 2)."""
    return np.stack([x + radius * np.cos(turns), y + radius * np.sin(turns)], axis=1)


def area(corners: np.ndarray) -> float:
    x, y = corners.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def drawn(corners: np.ndarray) -> np.ndarray:
    return inside_polygon(corners, rows=SIZE, columns=SIZE)


@settings(max_examples=60, deadline=None)
@given(angles, radii, shifts, shifts)
def test_the_area_is_that_of_the_polygon(turns: list[float], radius: float, x: float, y: float) -> None:
    corners = star(turns, radius, 31.5 + x, 31.5 + y)
    perimeter = np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1).sum()
    # a convex region misses or gains at most the voxels that its edge meets
    assert abs(drawn(corners).sum() - area(corners)) <= perimeter + 1


@settings(max_examples=60, deadline=None)
@given(angles, radii, st.integers(-8, 8), st.integers(-8, 8))
def test_a_shift_by_whole_voxels_shifts_the_mask(turns: list[float], radius: float, x: int, y: int) -> None:
    corners = np.round(star(turns, radius) * 64) / 64 + 1 / 256  # exact in binary, and never on a voxel's centre
    np.testing.assert_array_equal(drawn(corners + np.array((x, y))), np.roll(drawn(corners), (y, x), axis=(0, 1)))


@settings(max_examples=60, deadline=None)
@given(angles, radii, st.integers(0, 39))
def test_neither_first_corner_nor_sense_matters(turns: list[float], radius: float, first: int) -> None:
    corners = star(turns, radius, 31.4142, 31.2718)
    np.testing.assert_array_equal(drawn(corners), drawn(np.roll(corners, first, axis=0)))
    np.testing.assert_array_equal(drawn(corners), drawn(corners[::-1]))


@settings(max_examples=60, deadline=None)
@given(angles, radii)
def test_each_voxel_is_decided_by_its_centre(turns: list[float], radius: float) -> None:
    corners = star(turns, radius, 31.4142, 31.2718)
    edges = np.roll(corners, -1, axis=0) - corners
    y, x = np.mgrid[:SIZE, :SIZE]
    sides = [edge[0] * (y - corner[1]) - edge[1] * (x - corner[0]) for corner, edge in zip(corners, edges, strict=True)]
    clear = np.min(np.abs(sides), axis=0) > 1e-6
    np.testing.assert_array_equal(drawn(corners)[clear], (np.min(sides, axis=0) > 0)[clear])


@settings(max_examples=30, deadline=None)
@given(radii, radii)
def test_a_contour_within_another_is_a_hole(one: float, other: float) -> None:
    turns = list(np.arange(48) * 2 * np.pi / 48)
    masks = [star(turns, radius, 31.4142, 31.2718) for radius in (one, other)]
    both = inside_polygons(masks, rows=SIZE, columns=SIZE)
    assert both.sum() == abs(int(drawn(masks[0]).sum()) - int(drawn(masks[1]).sum()))


def test_what_lies_outside_the_grid_is_cut_off() -> None:
    square = np.array([(-10.0, -10.0), (3.4, -10.0), (3.4, 2.6), (-10.0, 2.6)])
    assert drawn(square).sum() == 4 * 3 and drawn(square)[:3, :4].all()
    assert not drawn(square - 20).any()
