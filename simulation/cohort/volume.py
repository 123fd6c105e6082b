"""One patient's CT and mask, from what was drawn for that patient."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulation.cohort import anatomy, tumour
from simulation.cohort.acquisition import SOFT_BLUR_MM, Acquisition, blurred_in_plane, draw_noise, gaussian_kernel
from simulation.cohort.fields import Grid, Volume, smoothstep
from simulation.cohort.seeds import Stream, generator

VIEW_MM = 96.0
"""Edge of the field of view in plane; a part of a chest around the tumour, not a whole one."""
VIEW_HEIGHT_MM = 74.0
SLAB_MM = 1.25
"""Slices thicker than this are averaged from thinner ones."""
SHIFT_MM = 4.0
"""The tumour's centre lies up to this far from the middle of the view."""
VESSEL_FREE_MM = (6.0, 9.0)
"""Vessels bend around a tumour: they fade out between these distances from its border."""
FEEDING_SHARE = 0.15
"""Part of the patients with vessels that lead into the tumour."""
HU_LIMITS = (-1024, 3071)


@dataclass(frozen=True)
class Subject:
    """What the image of a patient is made from."""

    patient_id: str
    number: int
    seed: int
    border: float
    texture: float
    acquisition: Acquisition


@dataclass(frozen=True)
class Scan:
    """A CT in HU and its tumour mask (both z, y, x), with the voxel size x, y, z in mm."""

    hu: NDArray[np.int16]
    mask: NDArray[np.uint8]
    spacing_mm: tuple[float, float, float]


def _axis(length_mm: float, spacing_mm: float, shift_mm: float) -> NDArray[np.float32]:
    number = math.ceil(length_mm / spacing_mm)
    return ((np.arange(number) - (number - 1) / 2) * spacing_mm - shift_mm).astype(np.float32)


def fine_grid(acquisition: Acquisition, shift: NDArray[np.float64]) -> tuple[Grid, int]:
    """The grid that is drawn on, and how many of its slices make one slice of the CT."""
    slabs = max(1, round(acquisition.slice_thickness_mm / SLAB_MM + 0.1))
    slices = math.ceil(VIEW_HEIGHT_MM / acquisition.slice_thickness_mm)
    spacing = acquisition.slice_thickness_mm / slabs
    z = _axis(slices * slabs * spacing - spacing / 2, spacing, shift[0])
    y, x = (_axis(VIEW_MM, acquisition.spacing_mm, offset) for offset in shift[1:])
    return Grid(z, y, x), slabs


def slices_of(volume: Volume, slabs: int) -> Volume:
    """Average neighbouring fine slices into the slices of the CT."""
    count, rows, columns = volume.shape
    return np.asarray(volume.reshape(count // slabs, slabs, rows, columns).mean(axis=1), dtype=np.float32)


def _draw_vessels(
    hu: Volume, grid: Grid, box: tuple[slice, slice, slice], distance: Volume, rng: np.random.Generator
) -> None:
    cover = anatomy.draw_vessels(grid, rng, reach_mm=VIEW_MM / 2)
    if rng.uniform() >= FEEDING_SHARE:
        cover[box] *= smoothstep(distance, low=VESSEL_FREE_MM[0], high=VESSEL_FREE_MM[1])
    hu += (np.float32(rng.uniform(*anatomy.VESSEL_HU)) - hu) * cover


def _draw_tumour(
    hu: Volume, part: Grid, shape: tumour.Shape, distance: Volume, subject: Subject
) -> NDArray[np.float32]:
    """Put ring, spicules and tumour into the volume in place; the share of each voxel in the tumour comes back."""
    rng = generator(subject.seed, Stream.RING, subject.number)
    density = max(0.0, tumour.HALO_HU[0] + tumour.HALO_HU[1] * rng.standard_normal())
    hu += tumour.halo(distance, density_hu=density)
    hu += tumour.draw_ring(part, tumour.ring_window(distance), rng, latent=subject.border)
    rng = generator(subject.seed, Stream.TEXTURE, subject.number)
    soft = np.float32(rng.uniform(*tumour.TUMOUR_HU))
    inside = soft + tumour.draw_texture(part, distance < 0, rng, latent=subject.texture)
    cover = tumour.tumour_cover(distance, width_mm=shape.border_width_mm)
    spicules = tumour.spicule_cover(part, shape, rng)
    hu += (soft - hu) * spicules
    hu += (inside - hu) * cover
    return cover


def draw_fine(subject: Subject, grid: Grid) -> tuple[Volume, Volume]:
    """HU and the tumour's share of each voxel on the fine grid (z, y, x), before slices and noise."""
    shape = tumour.draw_shape(generator(subject.seed, Stream.TUMOUR, subject.number))
    reach = np.full(3, shape.reach_mm + tumour.MARGIN_MM)
    box = grid.box(-reach, reach)
    part = grid.part(box)
    distance = tumour.signed_distance(part, shape)
    rng = generator(subject.seed, Stream.ANATOMY, subject.number)
    hu = anatomy.draw_lung(grid, rng)
    _draw_vessels(hu, grid, box, distance, rng)
    anatomy.add_surroundings(hu, grid, rng, tumour_reach_mm=shape.reach_mm)
    share = np.zeros(grid.shape, dtype=np.float32)
    share[box] = _draw_tumour(hu[box], part, shape, distance, subject)
    return hu, share


def make_scan(subject: Subject) -> Scan:
    """CT and mask of a patient; the same subject always gives the same voxels."""
    acquisition = subject.acquisition
    rng = generator(subject.seed, Stream.NOISE, subject.number)
    grid, slabs = fine_grid(acquisition, rng.uniform(-SHIFT_MM, SHIFT_MM, size=3))
    fine, share = draw_fine(subject, grid)
    hu = slices_of(fine, slabs)
    if acquisition.soft:
        hu = blurred_in_plane(hu, gaussian_kernel(SOFT_BLUR_MM / acquisition.spacing_mm))
    hu = hu + draw_noise((hu.shape[0], hu.shape[1], hu.shape[2]), acquisition, rng)
    mask = slices_of(share, slabs) >= 0.5
    spacing = (acquisition.spacing_mm, acquisition.spacing_mm, acquisition.slice_thickness_mm)
    return Scan(np.clip(np.rint(hu), *HU_LIMITS).astype(np.int16), mask.astype(np.uint8), spacing)
