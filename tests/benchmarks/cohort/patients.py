"""Tiny made-up patients in any number, each with its own voxels: a site's folder, or DICOM with a spreadsheet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from client.site import COHORT_COLUMNS, init_site
from common import atomic
from common.parallel import cores, in_parallel
from simulation.cohort.nifti import nifti_bytes
from tests.client.dicom_files import ball_contours, write_ct_series, write_rtstruct

SIZE = (14, 20, 20)
"""Voxels z, y, x of 1 mm: as small as PyRadiomics' filters allow."""
RADIUS_MM = 4.0
DICOM_SIZE, DICOM_RADIUS_MM = (24, 24, 8), 6.0
"""Voxels x, y, z of 1 x 1 x 2 mm."""
_PORTION = 50


def make_site(folder: Path, patients: int) -> Path:
    """A site folder with patients whose features are quick to compute."""
    init_site(folder, name="Made-up", made_up=True)
    _in_portions(write_images, folder, patients)
    rows = [_row(number) for number in range(patients)]
    atomic.write_text(folder / "cohort.csv", "\n".join([",".join(COHORT_COLUMNS), *rows]) + "\n")
    return folder


def make_export(folder: Path, patients: int) -> tuple[Path, Path]:
    """A DICOM tree, each patient with CT and RTSTRUCT, and the clinic's spreadsheet."""
    _in_portions(write_dicom, folder / "export", patients)
    rows = [f"{_name(number)},{number % 101},{50 + number % 40},m" for number in range(patients)]
    table = folder / "clinic.csv"
    atomic.write_text(table, "\n".join(["patient_id,tps,age,sex", *rows]) + "\n")
    return folder / "export", table


def write_images(folder: Path, numbers: Sequence[int]) -> None:
    """CT and mask of these patients, uncompressed."""
    z, y, x = (np.arange(count) - (count - 1) / 2 for count in SIZE)
    inside = z[:, None, None] ** 2 + y[None, :, None] ** 2 + x[None, None, :] ** 2 < RADIUS_MM**2
    for number in numbers:
        noise = np.random.default_rng(number).normal(0, 45, SIZE)
        voxels = (np.where(inside, 40, -850) + noise).astype(np.int16)
        for kind, volume in (("ct", voxels), ("mask", inside.astype(np.uint8))):
            content = nifti_bytes(volume, spacing_mm=(1.0, 1.0, 1.0), text="", level=0)
            (folder / "images" / f"{_name(number)}_{kind}.nii").write_bytes(content)


def write_dicom(folder: Path, numbers: Sequence[int]) -> None:
    """A CT series of few slices and its structure set for each of these patients."""
    for number in numbers:
        place, noise = folder / _name(number), np.random.default_rng(number)
        voxels = noise.normal(-850, 45, DICOM_SIZE[::-1]).clip(-1024).astype(np.int16)
        series = write_ct_series(place, patient_id=_name(number), size=DICOM_SIZE, voxels=voxels)
        contours = ball_contours(series, radius_mm=DICOM_RADIUS_MM)
        write_rtstruct(place / "structures.dcm", series, {"GTV-1": contours})


def _in_portions(function: Callable[[Path, Sequence[int]], None], folder: Path, patients: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    portions = [range(start, min(start + _PORTION, patients)) for start in range(0, patients, _PORTION)]
    tasks = [(folder, portion) for portion in portions]
    with in_parallel(function, tasks, jobs=cores()) as futures:
        for future in futures:
            future.result()


def _name(number: int) -> str:
    return f"K{number:05d}"


def _row(number: int) -> str:
    name = _name(number)
    cells = {
        "patient_id": name,
        "cohort": "expression",
        "image": f"images/{name}_ct.nii",
        "mask": f"images/{name}_mask.nii",
        "tps": str(number % 101),
        "age": str(50 + number % 40),
        "sex": "male",
    }
    return ",".join(cells.get(column, "") for column in COHORT_COLUMNS)
