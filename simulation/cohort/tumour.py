"""The tumour: irregular shape, texture inside its border, and a ring outside it.

PD-L1 is written in two places: the texture latent into how strongly the inside varies, the border latent into how
strongly a ring outside varies around the tumour. Both patterns have mean zero by construction.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.special import expit

from simulation.cohort.anatomy import Point, add_tube, draw_direction
from simulation.cohort.fields import Grid, Volume, smooth_field, smoothstep

DIAMETER_MM = 24.0
"""Median diameter."""
DIAMETER_SPREAD = 0.28
"""SD of the logarithm of the diameter."""
DIAMETER_LIMITS_MM = (15.0, 40.0)
LOBES = 7
LOBE_HEIGHT = (0.05, 0.35)
"""Height of a lobe relative to the radius."""
LOBE_SHARPNESS = (4.0, 14.0)
ROUGHNESSES = 14
ROUGHNESS_HEIGHT = 0.05
ROUGHNESS_SHARPNESS = 50.0
STRETCH = 0.10
"""SD of the logarithm of the three axes."""
SPICULES = 2.0
"""Mean number of spicules."""
SPICULE_LENGTH_MM = (4.0, 10.0)
SPICULE_RADIUS_MM = (0.5, 0.9)
SPICULE_STRENGTH = 0.5
BORDER_WIDTH_MM = (0.5, 0.9)
"""Width over which the tumour's border blurs, between patients."""
TUMOUR_HU = (10.0, 55.0)
AZIMUTHS, POLARS = 180, 91
"""Directions at which the shape is computed; between them it is interpolated."""
MARGIN_MM = 8.0
"""Beyond the farthest point of the tumour, nothing of this module is drawn."""

TEXTURE_HU = 40.0
"""SD of the texture of a patient whose texture latent is zero."""
TEXTURE_GAIN = 0.38
"""Change of the logarithm of that SD with one unit of the latent."""
TEXTURE_MM = (60.0, 5.0)
"""Length over which the texture varies, in plane and through it: between slices, so that only the whole tumour shows
it and no single slice, and long enough to survive slices of 5 mm."""

RING_MM = (2.0, 6.0)
"""The ring begins and ends at these distances from the border."""
RING_HU = 160.0
"""SD around the tumour at the ring's crest, of a patient whose border latent is zero."""
RING_GAIN = 0.40
"""Change of the logarithm of that SD with one unit of the latent."""
STRAND_SHARE = 0.15
"""Part of the ring that its strands fill: few and dense, so that no air has to lie beside them."""
STRAND_EDGE = 0.25
"""Width over which a strand fades, in SD of the field it is cut from."""
RING_MM_SCALE = (1.6, 12.0)
"""Length over which the ring varies, in plane and through it."""
HALO_HU = (220.0, 50.0)
"""Mean and SD between patients of the halo's density above lung at the border; it knows nothing of the class."""
HALO_MM = 4.0
"""Distance over which the halo falls to a third."""


@dataclass(frozen=True)
class Shape:
    """A tumour's surface: its distance from the centre (mm) by polar angle (from z) and azimuth (x to y)."""

    radius: NDArray[np.float64]
    border_width_mm: float

    @property
    def reach_mm(self) -> float:
        """Distance of the farthest point from the centre."""
        return float(self.radius.max())


def _directions() -> NDArray[np.float64]:
    polar = np.linspace(0, math.pi, POLARS)[:, None]
    azimuth = np.linspace(0, 2 * math.pi, AZIMUTHS + 1)[None, :]
    ones = np.ones_like(azimuth)
    return np.stack([np.cos(polar) * ones, np.sin(polar) * np.sin(azimuth), np.sin(polar) * np.cos(azimuth)], axis=-1)


def _bumps(
    directions: NDArray[np.float64], rng: np.random.Generator, heights: Point, sharpness: Point
) -> NDArray[np.float64]:
    total = np.zeros(directions.shape[:2])
    for height, sharp in zip(heights, sharpness, strict=True):
        total += height * np.exp(sharp * (directions @ draw_direction(rng) - 1))
    return total


def draw_shape(rng: np.random.Generator) -> Shape:
    """An irregular surface around the centre: stretched, lobulated and rough."""
    diameter = float(np.clip(DIAMETER_MM * math.exp(DIAMETER_SPREAD * rng.standard_normal()), *DIAMETER_LIMITS_MM))
    directions = _directions()
    axes = np.exp(STRETCH * rng.standard_normal(3))
    radius = 1 / np.sqrt(((directions / axes) ** 2).sum(axis=-1))
    lobes = _bumps(directions, rng, rng.uniform(*LOBE_HEIGHT, size=LOBES), rng.uniform(*LOBE_SHARPNESS, size=LOBES))
    heights = ROUGHNESS_HEIGHT * rng.choice((-1.0, 1.0), size=ROUGHNESSES)
    radius *= 1 + lobes + _bumps(directions, rng, heights, np.full(ROUGHNESSES, ROUGHNESS_SHARPNESS))
    weights = np.sin(np.linspace(0, math.pi, POLARS))[:, None] * np.ones_like(radius)
    radius *= diameter / 2 / np.cbrt(np.average(radius**3, weights=weights))
    return Shape(radius, float(rng.uniform(*BORDER_WIDTH_MM)))


def signed_distance(part: Grid, shape: Shape) -> Volume:
    """Distance from the surface along the ray from the centre in mm (z, y, x), positive outside."""
    z, y, x = part.z[:, None, None], part.y[None, :, None], part.x[None, None, :]
    in_plane = np.sqrt(y**2 + x**2)
    azimuth = np.arctan2(y, x) % np.float32(2 * math.pi)
    polar = np.arctan2(in_plane, z)
    rows = polar * np.float32((POLARS - 1) / math.pi)
    columns = np.broadcast_to(azimuth * np.float32(AZIMUTHS / (2 * math.pi)), rows.shape)
    surface = map_coordinates(shape.radius.astype(np.float32), [rows, columns], order=1, mode="nearest")
    return np.asarray(np.sqrt(in_plane**2 + z**2) - surface, dtype=np.float32)


def texture_sd(latent: float) -> float:
    """SD in HU of the texture inside the tumour; rises with the texture latent."""
    return TEXTURE_HU * math.exp(TEXTURE_GAIN * latent)


def ring_sd(latent: float) -> float:
    """SD in HU around the tumour at the ring's crest; rises with the border latent."""
    return RING_HU * math.exp(RING_GAIN * latent)


def draw_texture(part: Grid, inside: NDArray[np.bool_], rng: np.random.Generator, *, latent: float) -> Volume:
    """Texture in HU (z, y, x) whose mean and SD inside the tumour are exactly 0 and that of the latent."""
    field = smooth_field(part, rng, in_plane_mm=TEXTURE_MM[0], through_plane_mm=TEXTURE_MM[1])
    values = field[inside]
    scale = texture_sd(latent) / float(values.std())
    return np.asarray((field - values.mean()) * np.float32(scale), dtype=np.float32)


def draw_ring(part: Grid, window: Volume, rng: np.random.Generator, *, latent: float) -> Volume:
    """The ring in HU (z, y, x): weighted by its window, each slice has mean 0 and the SD of the latent."""
    field = smooth_field(part, rng, in_plane_mm=RING_MM_SCALE[0], through_plane_mm=RING_MM_SCALE[1])
    field = expit((field - NormalDist().inv_cdf(1 - STRAND_SHARE)) / np.float32(STRAND_EDGE))
    weight = window.sum(axis=(1, 2), keepdims=True) + np.float32(1e-6)
    field -= (window * field).sum(axis=(1, 2), keepdims=True) / weight
    variance = (window * field**2).sum(axis=(1, 2), keepdims=True) / weight
    return np.asarray(
        window * field * np.float32(ring_sd(latent)) / np.sqrt(variance + np.float32(1e-6)), dtype=np.float32
    )


def halo(distance: Volume, *, density_hu: float) -> Volume:
    """Smooth density above lung in HU (z, y, x) that falls with the distance from the border."""
    return np.asarray(density_hu * np.exp(-np.maximum(distance, 0) / np.float32(HALO_MM)), dtype=np.float32)


def ring_window(distance: Volume) -> Volume:
    """Strength of the ring (0 to 1) by distance from the border in mm: one smooth crest."""
    share = np.clip((distance - RING_MM[0]) / (RING_MM[1] - RING_MM[0]), 0, 1)
    return np.asarray(np.sin(np.float32(math.pi) * share) ** 2, dtype=np.float32)


def spicule_cover(part: Grid, shape: Shape, rng: np.random.Generator) -> Volume:
    """Share of each voxel (z, y, x) in spicules, thin strands that leave the surface."""
    cover = np.zeros(part.shape, dtype=np.float32)
    for _ in range(int(rng.poisson(SPICULES))):
        row, column = int(rng.integers(POLARS // 5, POLARS - POLARS // 5)), int(rng.integers(AZIMUTHS))
        outward = _directions()[row, column]
        start = (shape.radius[row, column] - 1) * outward
        end = start + rng.uniform(*SPICULE_LENGTH_MM) * outward
        add_tube(
            cover, part, start, end, radii=(float(rng.uniform(*SPICULE_RADIUS_MM)), 0.2), strength=SPICULE_STRENGTH
        )
    return cover


def tumour_cover(distance: Volume, *, width_mm: float) -> Volume:
    """Share of each voxel (0 to 1) inside the tumour, its border blurred over `width_mm`."""
    return 1 - smoothstep(distance, low=-width_mm, high=width_mm)
