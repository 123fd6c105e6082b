"""A small made-up chest: air around a body with lungs, each patient with a texture of his own."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
from phantoms import volume_of, write_volume
from scipy.ndimage import gaussian_filter

from client.site import COHORT_COLUMNS, init_site
from client.volumes import Volume

SPACING = (1.4, 1.4, 3.0)
SIZE = (96, 72, 14)
"""x, y, z."""


def chest(
    seed: int,
    *,
    radius_mm: float = 9.0,
    spacing: tuple[float, float, float] = SPACING,
    centre: tuple[float, float, float] = (-28.0, 2.0, 0.0),
) -> Volume:
    """Body of 50 HU, lungs of -850, air of -1000, a tumour near `centre` (x, y, z in mm from the middle)."""
    generator = np.random.default_rng(seed)
    radius_mm += generator.uniform(0, 3)
    centre = tuple(middle + generator.uniform(-4, 4) for middle in centre[:2]) + centre[2:]
    axes = [(np.arange(count) - (count - 1) / 2) * step for count, step in zip(SIZE[::-1], spacing[::-1], strict=True)]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    scale = spacing[0] / SPACING[0]
    body = (x / (60 * scale)) ** 2 + (y / (44 * scale)) ** 2 < 1
    lungs = ((np.abs(x) / scale - 28) / 23) ** 2 + (y / (34 * scale)) ** 2 < 1
    tumour = (x - centre[0] * scale) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2 < radius_mm**2
    values = np.where(body, 50.0, -1000.0)
    values[lungs & body] = -850
    values[tumour & body] = 40
    texture = gaussian_filter(generator.normal(0, 1, values.shape), (0.7, 1.5, 1.5))
    values += np.where(body, 60 * texture / texture.std(), 4 * generator.normal(size=values.shape))
    return volume_of(values.round().clip(-1024).astype(np.int16), tumour, spacing)


def write_site(
    folder: Path, patients: dict[str, Volume | tuple[Path, Path]], rows: dict[str, dict[str, Any]] | None = None
) -> Path:
    """A site whose table has plausible values; `rows` has the values of a patient that differ."""
    init_site(folder, name="Test hospital")
    with (folder / "cohort.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, COHORT_COLUMNS)
        table.writeheader()
        for place, (name, volume) in enumerate(patients.items()):
            files = write_volume(volume, folder / "images", name) if isinstance(volume, Volume) else volume
            image, mask = (str(path.relative_to(folder)) for path in files)
            table.writerow(
                plausible(place) | {"patient_id": name, "image": image, "mask": mask} | (rows or {}).get(name, {})
            )
    return folder


def plausible(place: int) -> dict[str, Any]:
    """Values of a patient of the expression cohort."""
    return {
        "cohort": "expression",
        "tps": (0, 5, 60, 20, 90, 1)[place % 6],
        "age": 51 + place,
        "sex": ("male", "female")[place % 2],
        "smoking": ("never", "constantly")[place % 2],
        "family_history": "no",
        "tube_current_ma": 200 + 10 * place,
        "slice_thickness_mm": 3,
    }


def immunotherapy(days: float, *, progressed: int = 1) -> dict[str, Any]:
    """Values by which a patient belongs to the immunotherapy cohort."""
    return {
        "cohort": "immunotherapy",
        "tps": "",
        "treatment": "monotherapy",
        "pfs_days": days,
        "progressed": progressed,
    }
