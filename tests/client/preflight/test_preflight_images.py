"""The checks of CT and mask: a cohort that passes each and one that fails it, and the real scans."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from chest import chest, write_site
from phantoms import real_cases, volume_of
from preflight_runs import Run

from client.preflight.body import Pieces, body, outside_air, pieces, share_in_outside_air
from client.volumes import Volume

CHECKS = (
    *("CT and mask", "Hounsfield units", "Padding", "Voxel size"),
    *("Size", "Edge of the image", "Pieces", "Inside the body", "Same voxels", "Similar images"),
)


def changed(volume: Volume, values: Callable[[np.ndarray], np.ndarray]) -> Volume:
    """The same mask on a CT whose values were changed."""
    image = sitk.GetImageFromArray(values(sitk.GetArrayFromImage(volume.image)).astype(np.int16))
    image.CopyInformation(volume.image)
    return Volume(image, volume.mask)


def drawn(volume: Volume, marks: Callable[[np.ndarray], np.ndarray]) -> Volume:
    """The same CT with another mask."""
    mask = sitk.GetImageFromArray(marks(sitk.GetArrayFromImage(volume.mask)).astype(np.uint8))
    mask.CopyInformation(volume.image)
    return Volume(volume.image, mask)


def ring_of_padding(values: np.ndarray) -> np.ndarray:
    """The scanner's padding outside a circle, as it fills the corners of the field of view."""
    _, rows, columns = values.shape
    y, x = np.mgrid[:rows, :columns]
    outside = ((y - rows / 2) / (0.52 * rows)) ** 2 + ((x - columns / 2) / (0.52 * columns)) ** 2 > 1
    return np.where(outside, -3024, values)


def only_slices(count: int) -> Callable[[np.ndarray], np.ndarray]:
    def keep(mask: np.ndarray) -> np.ndarray:
        kept = np.zeros_like(mask)
        middle = len(mask) // 2
        kept[middle : middle + count] = mask[middle : middle + count]
        return kept

    return keep


def with_stray_voxel(mask: np.ndarray) -> np.ndarray:
    mask[2, 30, 85] = 1
    return mask


def shifted_into_air(mask: np.ndarray) -> np.ndarray:
    return np.roll(mask, -33, axis=1)


def to_the_edge(mask: np.ndarray) -> np.ndarray:
    mask[:, 30:36, :30] |= mask.any(axis=(1, 2), keepdims=True).astype(np.uint8)
    return mask


def tiny(mask: np.ndarray) -> np.ndarray:
    kept = np.zeros_like(mask)
    kept[6:9, 36, 27:29] = 1
    return kept


def test_a_good_cohort_passes_every_check(tmp_path: Path, run_check: Run) -> None:
    ended = run_check(write_site(tmp_path / "site", {f"p{seed}": chest(seed) for seed in range(10)}))
    assert {name: ended.state(name) for name in CHECKS} == dict.fromkeys(CHECKS, "ok")
    scan = ended.results["scans"]["p3"]
    marked = sitk.GetArrayFromImage(chest(3).mask)
    assert scan["tumour_voxels"] == marked.sum()
    assert scan["tumour_ml"] == pytest.approx(marked.sum() * 1.4 * 1.4 * 3 / 1000)
    assert scan["tumour_slices"] == np.any(marked, axis=(1, 2)).sum()
    assert (scan["row"], scan["size"], scan["spacing_mm"]) == (5, [96, 72, 14], [1.4, 1.4, 3.0])


BAD: list[tuple[str, str, Volume, str]] = [
    ("Hounsfield units", "failed", changed(chest(1), lambda values: values + 1024), "from 0 to"),
    ("Hounsfield units", "warning", changed(chest(1), lambda values: values.clip(-700)), "lowest value -700 HU"),
    ("Padding", "ok", changed(chest(1), ring_of_padding), "at -3024"),
    ("Padding", "warning", changed(chest(1), lambda values: np.where(values < -990, -2000, values)), "down to -2000"),
    ("Voxel size", "warning", chest(1, spacing=(1.9, 1.9, 3)), "pixels of 1.9 mm"),
    ("Voxel size", "warning", chest(1, spacing=(1.4, 1.4, 6)), "slices 6 mm apart"),
    ("Voxel size", "warning", chest(1, spacing=(1.4, 1.2, 3)), "not square"),
    ("Size", "warning", drawn(chest(1), only_slices(2)), "2 slices, three are used"),
    ("Size", "warning", drawn(chest(1), tiny), "0.035 ml, 6 voxels"),
    ("Edge of the image", "warning", drawn(chest(1), to_the_edge), "along x"),
    ("Pieces", "warning", drawn(chest(1), with_stray_voxel), "2 pieces"),
    ("Inside the body", "failed", drawn(chest(1), shifted_into_air), "air outside the body"),
]


@pytest.mark.parametrize(("check", "state", "volume", "words"), BAD, ids=[f"{one[0]}: {one[3]}" for one in BAD])
def test_a_bad_image_is_named(
    tmp_path: Path, run_check: Run, check: str, state: str, volume: Volume, words: str
) -> None:
    ended = run_check(write_site(tmp_path / "site", {"good": chest(0), "bad": volume}))
    found = ended.check(check)
    assert found["state"] == state
    assert [(one["patient_id"], one["row"]) for one in found["items"]] == [("bad", 3)]
    assert words in found["items"][0]["what"]
    assert ended.code == (1 if state == "failed" else 0)


def test_quarantine_is_named_with_its_file(tmp_path: Path, run_check: Run) -> None:
    folder = write_site(tmp_path / "site", {f"p{seed}": chest(seed) for seed in range(3)})
    (folder / "images" / "p1_mask.nii.gz").write_bytes(b"no image")
    ended = run_check(folder)
    (item,) = ended.check("CT and mask")["items"]
    assert (ended.code, item["patient_id"], item["row"]) == (1, "p1", 3)
    assert item["file"] == str(folder / "images" / "p1_mask.nii.gz")
    assert ended.results["quarantined"][0]["patient_id"] == "p1"
    assert f"row 3 patient p1: {item['file']}: is damaged" in ended.out
    assert (ended.results["patients"], ended.results["fine"]) == (3, 2)
    assert "p1" not in ended.results["scans"]


def test_nobody_can_be_read(tmp_path: Path, run_check: Run) -> None:
    folder = write_site(tmp_path / "site", {"a": chest(0)})
    shutil.rmtree(folder / "images")
    ended = run_check(folder)
    assert (ended.code, ended.state("Size"), ended.state("Exclusion rules")) == (1, "skipped", "failed")


def test_lung_is_body_and_air_beside_it_is_not() -> None:
    values = sitk.GetArrayFromImage(chest(0).image)
    inside, air = body(values), outside_air(values)
    assert inside[7, 36, 27]
    assert not inside[7, 2, 2]
    assert air[7, 2, 2]
    assert not air[7, 36, 20]
    assert not (inside & air).any()


def test_share_in_air_counts_voxels() -> None:
    values = np.full((6, 60, 60), -1000.0)
    values[:, 20:50, 20:50] = 40
    mask = np.zeros(values.shape, dtype=bool)
    mask[2:4, 10:30, 30:40] = True
    assert share_in_outside_air(values, mask, (1.0, 1.0, 1.0)) == pytest.approx(0.5, abs=0.06)
    assert share_in_outside_air(values, mask & (values > 0), (1.0, 1.0, 1.0)) == 0


def test_gaps_are_in_mm() -> None:
    mask = np.zeros((12, 20, 20), dtype=bool)
    mask[1:3, 2:6, 2:6] = True
    assert pieces(mask, (1.0, 2.0, 3.0)) == Pieces(1, 0.0)
    mask[6, 10, 5] = True
    found = pieces(mask, (1.0, 2.0, 3.0))
    assert (found.count, found.gap_mm) == (2, pytest.approx(np.hypot(4 * 3, 5 * 2)))


@pytest.mark.skipif(not real_cases(), reason="../shared/data is absent")
def test_real_ct_pass(tmp_path: Path, run_check: Run) -> None:
    folder, files = tmp_path / "site", {}
    (folder / "images").mkdir(parents=True)
    for name, paths in real_cases().items():
        files[name] = tuple(Path(shutil.copyfile(one, folder / "images" / f"{name}_{one.name}")) for one in paths)
    ended = run_check(write_site(folder, files, {name: {"slice_thickness_mm": ""} for name in files}))
    assert ended.code == 0, ended.out
    assert {name: ended.state(name) for name in CHECKS} == dict.fromkeys(CHECKS, "ok")
    assert not ended.results["synthetic"]
    assert ended.results["scans"]["LUNG1-001"]["tumour_ml"] == pytest.approx(156.32, abs=0.01)
    assert ended.results["scans"]["PYRAD-lung1"]["tumour_slices"] == 3


def test_every_value_is_finite_where_the_ct_is_flat(tmp_path: Path, run_check: Run) -> None:
    values = np.full((8, 40, 40), -1000)
    values[:, 10:30, 10:30] = 40
    mask = np.zeros(values.shape, dtype=bool)
    mask[2:6, 15:25, 15:25] = True
    volume = volume_of(values.astype(np.int16), mask)
    ended = run_check(write_site(tmp_path / "site", {"a": volume, "b": chest(1)}))
    assert ended.results["fine"] == 2
