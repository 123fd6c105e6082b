"""PyRadiomics' shape features without comparing every pair of points of the surface.

PyRadiomics' C code builds the surface mesh and takes the largest of all distances between its vertices, which grows
with the square of the surface. Here area and volume are added up from what the same C code gives for each of the 256
cells a mesh is made of, and diameters are measured between the outermost vertices only.
"""

from __future__ import annotations

import logging
from functools import lru_cache

import numpy as np
from radiomics import cShape
from radiomics.shape import RadiomicsShape
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

logging.getLogger(__name__).setLevel(logging.CRITICAL + 1)


class FastShape(RadiomicsShape):  # type: ignore[misc]
    """PyRadiomics' shape class with the same values and another way to area, volume and diameters."""

    def _initSegmentBasedCalculation(self) -> None:
        super(RadiomicsShape, self)._initSegmentBasedCalculation()
        self.pixelSpacing = np.array(self.inputImage.GetSpacing()[::-1])
        self.maskArray: np.ndarray = np.pad(self.maskArray, 1)
        self.labelledVoxelCoordinates = np.where(self.maskArray)
        self.SurfaceArea, self.Volume = mesh_area_and_volume(self.maskArray, self.pixelSpacing)
        self.diameters = mesh_diameters(self.maskArray, self.pixelSpacing)
        points = np.array(self.labelledVoxelCoordinates).T * self.pixelSpacing
        points -= points.mean(axis=0)
        points /= np.sqrt(len(points))
        self.eigenValues = np.sort(np.linalg.eigvals(points.T.copy() @ points))
        self.eigenValues[(self.eigenValues < 0) & (self.eigenValues > -1e-10)] = 0


def mesh_area_and_volume(mask: np.ndarray, spacing: np.ndarray) -> tuple[float, float]:
    """Area (mm2) and volume (mm3) of the marching-cubes mesh of a (z, y, x) mask that is empty at its border."""
    kinds = _cell_kinds(mask)
    cells = np.nonzero((kinds > 0) & (kinds < 255))
    found = kinds[cells]
    table = _cell_table(tuple(float(step) for step in spacing))
    shifts = (np.array(cells).T * spacing * table[found, 2:]).sum()
    area, volume = table[found, :2].sum(axis=0)
    return float(area), float(volume + shifts)


def _cell_kinds(mask: np.ndarray) -> np.ndarray:
    """For each 2 x 2 x 2 cell a number 0 to 255: which of its eight corners are inside."""
    bits = mask.astype(np.uint8)
    kinds = np.zeros(np.array(mask.shape) - 1, dtype=np.uint8)
    for bit, (z, y, x) in enumerate(np.ndindex(2, 2, 2)):
        kinds |= bits[z : z + kinds.shape[0], y : y + kinds.shape[1], x : x + kinds.shape[2]] << bit
    return kinds


@lru_cache(maxsize=8)
def _cell_table(spacing: tuple[float, float, float]) -> np.ndarray:
    """Of each kind of cell (256, 5): area, volume seen from its corner, and how the volume grows as it moves (z, y, x).

    The volume is a sum of triple products of the triangles' points, so moving a cell by t adds t times a vector of
    its own. C gives the sum for two neighbouring cells; less the two alone, what is left is that vector.
    """
    steps = np.array(spacing)
    corners = [np.array([(kind >> bit) & 1 for bit in range(8)], dtype=bool).reshape(2, 2, 2) for kind in range(256)]
    table = np.zeros((256, 5))
    for kind, corner in enumerate(corners):
        table[kind, :2] = _measure(corner, steps)
    for kind, corner in enumerate(corners):
        for axis in range(3):
            near = corner.take([0], axis=axis)
            still = _measure(np.concatenate([near, near], axis=axis), steps)[1]
            pair = _measure(np.concatenate([near, corner], axis=axis), steps)[1]
            table[kind, 2 + axis] = (pair - still - table[kind, 1]) / steps[axis]
    return table


def _measure(mask: np.ndarray, spacing: np.ndarray) -> tuple[float, float]:
    area, volume, _ = cShape.calculate_coefficients(np.ascontiguousarray(mask), spacing)
    return float(area), float(volume)


def mesh_diameters(mask: np.ndarray, spacing: np.ndarray) -> tuple[float, float, float, float]:
    """Largest distance (mm) between mesh vertices of one slice, one column, one row, and of all."""
    points = np.concatenate([_crossings(mask, axis) for axis in range(3)])
    flat = [_widest_plane(points, spacing, axis) for axis in range(3)]
    outer = _outermost(_outermost(_outermost(points, 0), 1), 2)
    corners = outer[ConvexHull(outer).vertices]
    return flat[0], flat[1], flat[2], float(pdist(corners * spacing / 2).max())


def _widest_plane(points: np.ndarray, spacing: np.ndarray, axis: int) -> float:
    """The largest distance between two points that share their index along an axis."""
    first, second = (other for other in range(3) if other != axis)
    outer = _outermost(_outermost(points, first), second)
    outer = outer[np.argsort(outer[:, axis], kind="stable")]
    planes = np.split(outer * spacing / 2, np.flatnonzero(np.diff(outer[:, axis])) + 1)
    return float(max(pdist(plane).max(initial=0.0) for plane in planes))


def _outermost(points: np.ndarray, axis: int) -> np.ndarray:
    """The first and last point of each line along an axis; the corners of any convex hull are among them."""
    first, second = (other for other in range(3) if other != axis)
    points = points[np.lexsort((points[:, axis], points[:, second], points[:, first]))]
    new_line = np.diff(points[:, [first, second]], axis=0).any(axis=1)
    outermost: np.ndarray = points[np.r_[True, new_line] | np.r_[new_line, True]]
    return outermost


def _crossings(mask: np.ndarray, axis: int) -> np.ndarray:
    """Twice the (z, y, x) index of each mesh vertex on an edge along one axis: halfway between inside and outside."""
    points: np.ndarray = 2 * np.argwhere(np.diff(mask, axis=axis))
    points[:, axis] += 1
    return points
