"""Small made-up CT volumes for tests."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from client.site import COHORT_COLUMNS, Site, init_site
from client.volumes import Volume

SHARED = Path(__file__).parents[3] / "shared" / "data"


def tumour_volume(
    seed: int = 0,
    *,
    radius_mm: float = 7.0,
    spacing: tuple[float, float, float] = (0.8, 0.8, 2.0),
    size: tuple[int, int, int] = (44, 40, 20),
) -> Volume:
    """Noisy lung (int16 HU) with an ellipsoid of soft tissue in its middle, which the mask marks."""
    generator = np.random.default_rng(seed)
    z, y, x = (
        (np.arange(count) - (count - 1) / 2) * step for count, step in zip(size[::-1], spacing[::-1], strict=True)
    )
    distance = np.sqrt((z[:, None, None] / 0.9) ** 2 + (y[None, :, None] / 1.1) ** 2 + x[None, None, :] ** 2)
    inside = distance < radius_mm
    hounsfield = np.where(inside, 40, -850) + generator.normal(0, 45, inside.shape)
    return volume_of(hounsfield.astype(np.int16), inside, spacing)


def volume_of(image: np.ndarray, mask: np.ndarray, spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Volume:
    """A volume of two (z, y, x) arrays."""
    picture, labels = sitk.GetImageFromArray(image), sitk.GetImageFromArray(mask.astype(np.uint8))
    for one in (picture, labels):
        one.SetSpacing(spacing)
        one.SetOrigin((-12.5, 7.25, 100.0))
    return Volume(picture, labels)


def write_volume(volume: Volume, folder: Path, name: str, suffix: str = ".nii.gz") -> tuple[Path, Path]:
    """Write image and mask, and say where."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / f"{name}_image{suffix}", folder / f"{name}_mask{suffix}"
    for image, path in zip((volume.image, volume.mask), paths, strict=True):
        sitk.WriteImage(image, str(path), useCompression=True)
    return paths


def make_site(folder: Path, patients: dict[str, tuple[Path, Path]], **columns: str) -> Site:
    """A site folder whose images lie below it already; the columns are the same for all patients."""
    site = init_site(folder, name="Test hospital")
    with site.cohort_file.open("w", newline="") as file:
        table = csv.DictWriter(file, COHORT_COLUMNS)
        table.writeheader()
        for name, (image, mask) in patients.items():
            row = {"cohort": "expression", "tps": "60", **columns}
            files = {"image": str(image.relative_to(folder)), "mask": str(mask.relative_to(folder))}
            table.writerow({"patient_id": name, **row, **files})
    return site


def real_cases() -> dict[str, tuple[Path, Path]]:
    """Image and mask of each real CT; empty where the data are absent."""
    folders = sorted((SHARED / "lung_ct").glob("*/")) + sorted((SHARED / "sarcoma_ct").glob("*/"))
    return {one.name: (next(one.glob("*image.nii.gz")), sorted(one.glob("*mask*"))[0]) for one in folders}
