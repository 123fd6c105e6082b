"""What surrounds the tumour: lung, branching vessels, and for some a chest wall with ribs or a mediastinum."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from simulation.cohort.fields import Grid, Volume, smooth_field, smoothstep

LUNG_HU = -860.0
LUNG_HU_SPREAD = 20.0
"""SD of the lung's mean between patients."""
LUNG_TEXTURE_HU = 18.0
LUNG_TEXTURE_MM = 4.0
VESSEL_HU = (0.0, 50.0)
VESSEL_TREES = (4, 8)
VESSEL_LEVELS = 4
"""Generations of branches in a tree."""
VESSEL_ROOT_MM = (1.6, 3.2)
"""Radius of a tree's root."""
VESSEL_TAPER = 0.72
"""Radius of a branch relative to its parent."""
VESSEL_LENGTH_MM = (14.0, 28.0)
VESSEL_TURN = (0.3, 0.9)
"""How far, relative to its length, a branch turns aside from its parent."""
VESSEL_WANDER = 0.15
"""Further turn at random (SD)."""
EDGE_MM = 0.6
"""Width over which an edge blurs, half to each side: the point spread of the scanner."""
WALL_SHARE = 0.45
"""Part of the patients whose field of view reaches the chest wall."""
MEDIASTINUM_SHARE = 0.30
GAP_MM = (8.0, 26.0)
"""Lung between the tumour and the wall or the mediastinum."""
WALL_RADIUS_MM = 110.0
"""Radius of the chest, seen from inside."""
MUSCLE_HU = 45.0
FAT_HU = -100.0
MUSCLE_DEPTH_MM = 15.0
RIB_DEPTH_MM = 7.5
RIB_HALF_MM = (4.0, 6.5)
"""Half axes of a rib: across the wall and along z."""
RIB_PERIOD_MM = 24.0
RIB_SLOPE = 0.35
CORTEX_HU = 700.0
MARROW_HU = 220.0
CORTEX_SHARE = 0.65
"""Relative radius at which marrow gives way to cortex."""
MEDIASTINUM_HU = 40.0
MEDIASTINUM_BUMP_MM = 5.0

Point = NDArray[np.float64]


def draw_lung(grid: Grid, rng: np.random.Generator) -> Volume:
    """Parenchyma in HU (z, y, x): the patient's mean and a soft texture."""
    texture = smooth_field(grid, rng, in_plane_mm=LUNG_TEXTURE_MM, through_plane_mm=LUNG_TEXTURE_MM)
    mean = LUNG_HU + LUNG_HU_SPREAD * rng.standard_normal()
    return np.asarray(np.float32(mean) + np.float32(LUNG_TEXTURE_HU) * texture, dtype=np.float32)


def draw_direction(rng: np.random.Generator) -> Point:
    """A unit vector (z, y, x), every direction equally likely."""
    vector = rng.standard_normal(3)
    return np.asarray(vector / np.linalg.norm(vector))


def tube_cover(part: Grid, start: Point, end: Point, *, radii: tuple[float, float]) -> Volume:
    """Share (0 to 1) of each voxel inside a tube whose radius changes from start to end (points in mm, z, y, x)."""
    axis = end - start
    squared = float(axis @ axis)
    z, y, x = part.z[:, None, None] - start[0], part.y[None, :, None] - start[1], part.x[None, None, :] - start[2]
    along = np.clip((z * axis[0] + y * axis[1] + x * axis[2]) / squared, 0, 1).astype(np.float32)
    distance = np.sqrt((z - along * axis[0]) ** 2 + (y - along * axis[1]) ** 2 + (x - along * axis[2]) ** 2)
    radius = radii[0] + along * (radii[1] - radii[0])
    return np.asarray(np.clip((radius - distance) / EDGE_MM + 0.5, 0, 1), dtype=np.float32)


def add_tube(
    cover: Volume, grid: Grid, start: Point, end: Point, *, radii: tuple[float, float], strength: float = 1.0
) -> None:
    """Raise `cover` (z, y, x) in place to a tube's share of each voxel, times its strength."""
    margin = max(radii) + EDGE_MM
    box = grid.box(np.minimum(start, end) - margin, np.maximum(start, end) + margin)
    if min(span.stop - span.start for span in box) > 0:
        share = np.float32(strength) * tube_cover(grid.part(box), start, end, radii=radii)
        np.maximum(cover[box], share, out=cover[box])


def _grow(
    cover: Volume, grid: Grid, start: Point, heading: Point, rng: np.random.Generator, *, level: int, radius: float
) -> None:
    """Draw one branch and, until the last level, the two that it divides into."""
    end = start + rng.uniform(*VESSEL_LENGTH_MM) * heading
    add_tube(cover, grid, start, end, radii=(radius, radius * VESSEL_TAPER))
    if level == VESSEL_LEVELS:
        return
    aside = np.cross(heading, draw_direction(rng))
    for side in (-1.0, 1.0):
        turned = heading + side * rng.uniform(*VESSEL_TURN) * aside + VESSEL_WANDER * rng.standard_normal(3)
        turned = turned / np.linalg.norm(turned)
        _grow(cover, grid, end, turned, rng, level=level + 1, radius=radius * VESSEL_TAPER)


def draw_vessels(grid: Grid, rng: np.random.Generator, *, reach_mm: float) -> Volume:
    """Share of each voxel (z, y, x) in vessels: trees that enter at the edge of the view and divide."""
    cover = np.zeros(grid.shape, dtype=np.float32)
    for _ in range(int(rng.integers(*VESSEL_TREES, endpoint=True))):
        outward = draw_direction(rng)
        start = reach_mm * outward
        heading = -outward + 0.5 * draw_direction(rng)
        heading = heading / np.linalg.norm(heading)
        _grow(cover, grid, start, heading, rng, level=1, radius=float(rng.uniform(*VESSEL_ROOT_MM)))
    return cover


def _bone(depth: Volume, height: Volume) -> tuple[Volume, Volume]:
    """Share of bone and its HU by depth in the wall and height against the ribs (mm)."""
    offset = (height + RIB_PERIOD_MM / 2) % RIB_PERIOD_MM - RIB_PERIOD_MM / 2
    radius = np.sqrt(((depth - RIB_DEPTH_MM) / RIB_HALF_MM[0]) ** 2 + (offset / RIB_HALF_MM[1]) ** 2)
    share = 1 - smoothstep(radius, low=0.9, high=1.1)
    cortex = smoothstep(radius, low=CORTEX_SHARE - 0.1, high=CORTEX_SHARE + 0.1)
    return share, np.asarray(MARROW_HU + (CORTEX_HU - MARROW_HU) * cortex, dtype=np.float32)


def _wall_hu(depth: Volume, height: Volume, strands: Volume) -> Volume:
    """HU within the chest wall: muscle with ribs, then fat with strands of muscle."""
    outer = smoothstep(depth + 2 * strands, low=MUSCLE_DEPTH_MM - 1, high=MUSCLE_DEPTH_MM + 1)
    soft = MUSCLE_HU + (FAT_HU - MUSCLE_HU) * outer + 8 * strands
    share, bone = _bone(depth, height)
    return np.asarray(soft + (bone - soft) * share, dtype=np.float32)


def add_wall(hu: Volume, grid: Grid, rng: np.random.Generator, *, distance_mm: float, angle: float) -> None:
    """Put a chest wall into the volume in place, `distance_mm` from the centre towards `angle` (x to y)."""
    centre = distance_mm - WALL_RADIUS_MM
    y = grid.y[:, None] - centre * math.sin(angle)
    x = grid.x[None, :] - centre * math.cos(angle)
    depth = np.sqrt(y**2 + x**2) - WALL_RADIUS_MM
    around = WALL_RADIUS_MM * (np.arctan2(y, x) - angle + math.pi) % (2 * math.pi * WALL_RADIUS_MM)
    inside = depth > -EDGE_MM
    height = grid.z[:, None] + RIB_SLOPE * around[inside][None, :] + rng.uniform(0, RIB_PERIOD_MM)
    strands = smooth_field(grid, rng, in_plane_mm=5.0, through_plane_mm=6.0)[:, inside]
    depths = np.broadcast_to(depth[inside][None, :], height.shape).astype(np.float32)
    cover = np.clip(depths / EDGE_MM + 0.5, 0, 1)
    old = hu[:, inside]
    hu[:, inside] = old + (_wall_hu(depths, height.astype(np.float32), strands) - old) * cover


def add_mediastinum(hu: Volume, grid: Grid, rng: np.random.Generator, *, distance_mm: float, angle: float) -> None:
    """Put soft tissue with a bumpy border into the volume in place, `distance_mm` from the centre towards `angle`."""
    bumps = smooth_field(grid, rng, in_plane_mm=18.0, through_plane_mm=18.0)
    plane = grid.y[:, None] * math.sin(angle) + grid.x[None, :] * math.cos(angle) - distance_mm
    # Bumps only recede from the tumour, so that the gap of lung is kept.
    depth = plane[None] - MEDIASTINUM_BUMP_MM * np.abs(bumps)
    fat = smoothstep(bumps, low=0.4, high=0.9)
    tissue = MEDIASTINUM_HU + (FAT_HU - MEDIASTINUM_HU) * fat * smoothstep(depth.astype(np.float32), low=2.0, high=5.0)
    hu += (tissue - hu) * np.clip(depth / EDGE_MM + 0.5, 0, 1).astype(np.float32)


def add_surroundings(hu: Volume, grid: Grid, rng: np.random.Generator, *, tumour_reach_mm: float) -> None:
    """Give some patients a chest wall, some a mediastinum on the other side, in place."""
    angle = float(rng.uniform(0, 2 * math.pi))
    wall, mediastinum = rng.uniform(size=2) < (WALL_SHARE, MEDIASTINUM_SHARE)
    wall_gap, mediastinum_gap = rng.uniform(*GAP_MM, size=2)
    if wall:
        add_wall(hu, grid, rng, distance_mm=tumour_reach_mm + wall_gap, angle=angle)
    if mediastinum:
        add_mediastinum(hu, grid, rng, distance_mm=tumour_reach_mm + mediastinum_gap, angle=angle + math.pi)
