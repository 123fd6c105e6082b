"""The voxel grid of a patient and random fields on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Volume = NDArray[np.float32]
Axis = NDArray[np.float32]

KERNEL_WIDTH = 0.7
"""SD of a field's Gaussian kernel in lattice steps: wide enough that the lattice cannot be seen."""


@dataclass(frozen=True)
class Grid:
    """Voxel centres in mm from the tumour's centre, along z, y and x."""

    z: Axis
    y: Axis
    x: Axis

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along z, y and x."""
        return self.z.size, self.y.size, self.x.size

    def box(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> tuple[slice, slice, slice]:
        """Slices (z, y, x) of the voxels between two corners (z, y, x in mm)."""
        axes = (self.z, self.y, self.x)
        z, y, x = (
            slice(int(np.searchsorted(axis, low[number])), int(np.searchsorted(axis, high[number])))
            for number, axis in enumerate(axes)
        )
        return z, y, x

    def part(self, box: tuple[slice, slice, slice]) -> Grid:
        """The grid of a box."""
        return Grid(self.z[box[0]], self.y[box[1]], self.x[box[2]])


def lattice_weights(axis: Axis, *, scale_mm: float) -> NDArray[np.float32]:
    """Weights (positions x lattice points) of Gaussians around a lattice; rows have unit sum of squares."""
    first = float(axis[0]) - 2 * scale_mm
    points = np.arange(first, float(axis[-1]) + 2 * scale_mm, scale_mm)
    weights = np.exp(-0.5 * ((axis[:, None] - points) / (KERNEL_WIDTH * scale_mm)) ** 2)
    return np.asarray(weights / np.linalg.norm(weights, axis=1, keepdims=True), dtype=np.float32)


def smooth_field(grid: Grid, rng: np.random.Generator, *, in_plane_mm: float, through_plane_mm: float) -> Volume:
    """A Gaussian random field (z, y, x) with mean 0 and SD 1 that varies over the given lengths."""
    along_z = lattice_weights(grid.z, scale_mm=through_plane_mm)
    along_y = lattice_weights(grid.y, scale_mm=in_plane_mm)
    along_x = lattice_weights(grid.x, scale_mm=in_plane_mm)
    lattice = rng.standard_normal((along_z.shape[1], along_y.shape[1], along_x.shape[1]), dtype=np.float32)
    planes = np.tensordot(along_z, lattice, axes=1)
    return np.asarray(along_y @ planes @ along_x.T, dtype=np.float32)


def smoothstep(values: Volume, *, low: float, high: float) -> Volume:
    """0 below `low`, 1 above `high`, smooth between."""
    share = np.clip((values - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), dtype=np.float32)
