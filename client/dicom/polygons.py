"""Closed polygons drawn on a grid of voxels."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from matplotlib.path import Path as PolygonPath


def inside_polygon(corners: np.ndarray, *, rows: int, columns: int) -> np.ndarray:
    """Voxels (rows, columns) whose centres lie inside a closed polygon; corners (n, 2) in voxel indices x, y.

    The even-odd rule decides, so that a keyhole contour leaves its hole out. Drawn by matplotlib's point-in-polygon.
    """
    mask = np.zeros((rows, columns), bool)
    left, top = np.maximum(np.ceil(corners.min(axis=0)).astype(int), 0)
    right, bottom = np.minimum(np.floor(corners.max(axis=0)).astype(int), (columns - 1, rows - 1))
    if left > right or top > bottom:
        return mask
    x, y = np.meshgrid(np.arange(left, right + 1), np.arange(top, bottom + 1))
    closed = np.concatenate([corners, corners[:1]])
    inside = PolygonPath(closed).contains_points(np.stack([x.ravel(), y.ravel()], axis=1))
    mask[top : bottom + 1, left : right + 1] = inside.reshape(x.shape)
    return mask


def inside_polygons(polygons: Iterable[np.ndarray], *, rows: int, columns: int) -> np.ndarray:
    """Voxels inside an odd number of closed polygons, so that a contour within another is a hole."""
    mask = np.zeros((rows, columns), bool)
    for corners in polygons:
        mask ^= inside_polygon(corners, rows=rows, columns=columns)
    return mask
