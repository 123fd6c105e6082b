"""The synthetic site folder: the same bytes whatever the number of workers, and images that are what the table says."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

import simulation
from client.site import load_site
from common.errors import StudyError, UsageError
from common.study import Study, load_study
from simulation.cohort import make_site, scaled
from simulation.cohort.acquisition import Acquisition, draw_noise, noise_sd
from simulation.cohort.table import draw_cohort
from simulation.cohort.tumour import RING_MM
from simulation.cohort.volume import Subject, make_scan
from simulation.cohort.writer import Task, file_text, is_complete

PAPER = Path(simulation.__file__).parent / "presets" / "paper.toml"
PATIENTS = 8
THICK = Acquisition("SIEMENS", "60f", 290, 0.75, 3.0, soft=False)


def small(*, seed: int = 2021) -> Study:
    """A study of few patients."""
    study = load_study(PAPER)
    assert study.synthetic is not None
    return study.model_copy(update={"seed": seed, "synthetic": scaled(study.synthetic, patients=PATIENTS)})


def sums(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder made by one worker."""
    folder = tmp_path_factory.mktemp("cohort") / "site"
    make_site(small(), folder, jobs=1)
    return folder


def subject(number: int, *, border: float = 0, texture: float = 0, acquisition: Acquisition = THICK) -> Subject:
    """A patient whose latents are chosen."""
    return Subject(f"P{number:04d}", number, 11, border, texture, acquisition)


def near_border(scan_mask: NDArray[np.uint8], spacing: tuple[float, float, float]) -> NDArray[np.bool_]:
    """Voxels in the middle of the ring, in the slice of largest area."""
    largest = int(scan_mask.sum(axis=(1, 2)).argmax())
    distance = ndimage.distance_transform_edt(scan_mask[largest] == 0, sampling=spacing[:2])
    ring = np.zeros(scan_mask.shape, dtype=bool)
    ring[largest] = (distance > RING_MM[0] + 1) & (distance < RING_MM[1] - 0.5)
    return ring


def test_folder_is_a_site(site: Path) -> None:
    assert load_site(site).name == "synthetic"
    assert len(list((site / "images").iterdir())) == 2 * PATIENTS
    assert (site / "cohort.csv").read_text().count("\n") == PATIENTS + 1


def test_two_workers_write_the_same_bytes(site: Path, tmp_path: Path) -> None:
    make_site(small(), tmp_path / "again", jobs=2)
    assert sums(tmp_path / "again") == sums(site)


def test_another_seed_writes_other_voxels(site: Path) -> None:
    study = small(seed=2022)
    assert study.synthetic is not None
    other = make_scan(draw_cohort(study, study.synthetic).subjects[0])
    first = sitk.GetArrayFromImage(sitk.ReadImage(str(site / "images" / "P0001_ct.nii")))
    assert first.shape != other.hu.shape or not np.array_equal(first, other.hu)


def test_resume_keeps_what_is_whole_and_mends_the_rest(site: Path, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    shutil.copytree(site, folder)
    kept, cut, lost = (folder / "images" / f"P000{number}_ct.nii" for number in (1, 2, 3))
    before = kept.stat().st_mtime_ns
    cut.write_bytes(cut.read_bytes()[:1000])
    lost.unlink()
    (folder / "cohort.csv").unlink()
    make_site(small(), folder, jobs=1, resume=True)
    assert sums(folder) == sums(site)
    assert kept.stat().st_mtime_ns == before


def test_files_of_another_study_are_not_whole(site: Path) -> None:
    def task(study: Study) -> Task:
        assert study.synthetic is not None
        patient = draw_cohort(study, study.synthetic).subjects[0]
        image, mask = (site / "images" / name for name in ("P0001_ct.nii", "P0001_mask.nii.gz"))
        return Task(patient, image, mask, file_text(study, study.synthetic))

    assert is_complete(task(small()))
    assert not is_complete(task(small(seed=5)))


def test_a_site_is_not_overwritten(site: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="already"):
        make_site(small(), site, jobs=1)
    (tmp_path / "site.toml").write_text('name = "West China"\n')
    with pytest.raises(UsageError, match="West China"):
        make_site(small(), tmp_path, jobs=1, resume=True)


def test_study_without_patients_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no \\[synthetic\\] table"):
        make_site(small().model_copy(update={"synthetic": None}), tmp_path, jobs=1)


def test_geometry_in_the_file_is_that_of_the_table(site: Path) -> None:
    study = small()
    assert study.synthetic is not None
    cohort = draw_cohort(study, study.synthetic)
    for row in cohort.table.itertuples():
        image, mask = sitk.ReadImage(str(site / str(row.image))), sitk.ReadImage(str(site / str(row.mask)))
        assert image.GetSpacing()[2] == pytest.approx(float(str(row.slice_thickness_mm)))
        assert 0.6 <= image.GetSpacing()[0] <= 0.9
        assert image.GetDirection() == pytest.approx((1, 0, 0, 0, 1, 0, 0, 0, 1))
        for geometry in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):
            assert getattr(image, geometry)() == getattr(mask, geometry)()
        assert (image.GetPixelIDTypeAsString(), mask.GetPixelIDTypeAsString()) == (
            "16-bit signed integer",
            "8-bit unsigned integer",
        )


def test_tumour_is_one_piece_inside_the_view_and_of_soft_tissue() -> None:
    for number in range(1, 7):
        scan = make_scan(subject(number))
        assert ndimage.label(scan.mask, np.ones((3, 3, 3)))[1] == 1
        extent = [np.flatnonzero(scan.mask.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
        assert all(
            places[0] > 2 and places[-1] < size - 3 for places, size in zip(extent, scan.mask.shape, strict=True)
        )
        assert -20 < float(np.median(scan.hu[scan.mask == 1])) < 80
        assert float(np.median(scan.hu[0])) > -1000


def test_noise_falls_with_tube_current() -> None:
    measured = []
    for current in (80, 290, 640):
        acquisition = replace(THICK, tube_current_ma=current)
        noise = draw_noise((6, 80, 80), acquisition, np.random.default_rng(1))
        assert float(noise.std()) == pytest.approx(noise_sd(acquisition), rel=0.05)
        measured.append(float(noise.std()))
    assert measured[0] > measured[1] > measured[2]
    assert measured[1] == pytest.approx(20, rel=0.05)


def test_noise_in_the_image_falls_with_tube_current() -> None:
    dim, bright = (make_scan(subject(2, acquisition=replace(THICK, tube_current_ma=current))) for current in (80, 640))
    # The same patient on both machines: what differs is the noise, and its variances add.
    difference = (dim.hu.astype(float) - bright.hu)[:, :40, :40]
    ratio = (noise_sd(replace(THICK, tube_current_ma=80)), noise_sd(replace(THICK, tube_current_ma=640)))
    assert float(difference.std()) == pytest.approx(ratio[0] - ratio[1], rel=0.1)


def test_latents_are_written_where_they_belong() -> None:
    plain, ring, texture = (make_scan(subject(4, border=b, texture=t)) for b, t in ((-1, -1), (1, -1), (-1, 1)))
    place = near_border(plain.mask, plain.spacing_mm)
    inside = ndimage.binary_erosion(plain.mask, iterations=3)
    assert ring.hu[place].std() > 1.4 * plain.hu[place].std()
    assert texture.hu[inside].std() > 1.4 * plain.hu[inside].std()
    # Between slices, so that one slice alone says little of it.
    largest = int(np.argmax(inside.sum(axis=(1, 2))))
    alone = texture.hu[largest][inside[largest]].var() - plain.hu[largest][inside[largest]].var()
    assert alone < 0.25 * (texture.hu[inside].var() - plain.hu[inside].var())
    np.testing.assert_array_equal(ring.hu[inside], plain.hu[inside])
    assert texture.hu[place].std() == pytest.approx(plain.hu[place].std(), rel=0.02)
    np.testing.assert_array_equal(ring.mask, plain.mask)
    # The ring has mean zero, so that density around the tumour says nothing of it.
    assert ring.hu[place].mean() == pytest.approx(plain.hu[place].mean(), abs=25)
