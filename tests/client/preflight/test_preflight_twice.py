"""The same patient twice: copies are found however they were made, different patients are not."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from chest import chest, write_site
from phantoms import real_cases, tumour_volume
from preflight_runs import Run

from client.preflight import agreement as agreements
from client.preflight.agreement import SAME, alike
from client.preflight.fingerprint import content_sha256, detail
from client.volumes import Volume, read_volume

absent = pytest.mark.skipif(not real_cases(), reason="../shared/data is absent")


def agreement(one: Volume, other: Volume, monkeypatch: pytest.MonkeyPatch) -> float:
    monkeypatch.setattr(agreements, "SAME", -2)
    return next(iter(alike([detail(one), detail(other)])))[2]


def cropped(volume: Volume) -> Volume:
    part = (slice(5, -3), slice(4, -6), slice(1, -1))
    return Volume(volume.image[part], volume.mask[part])


def noisy(volume: Volume) -> Volume:
    values = sitk.GetArrayFromImage(volume.image).astype(np.float32)
    noise = np.random.default_rng(1).normal(0, 20, values.shape)
    image = sitk.GetImageFromArray((values + noise).round().astype(np.int16))
    image.CopyInformation(volume.image)
    return Volume(image, volume.mask)


def resampled(volume: Volume) -> Volume:
    size = [int(n * step / 1.5) for n, step in zip(volume.image.GetSize(), volume.image.GetSpacing(), strict=True)]

    def on_grid(image: sitk.Image, how: int, outside: float) -> sitk.Image:
        where = image.GetOrigin(), [1.5] * 3, image.GetDirection()
        return sitk.Resample(image, size, sitk.Transform(), how, *where, outside)

    return Volume(on_grid(volume.image, sitk.sitkLinear, -1000), on_grid(volume.mask, sitk.sitkNearestNeighbor, 0))


def outlined_wider(volume: Volume) -> Volume:
    return Volume(volume.image, sitk.BinaryDilate(volume.mask, [2, 2, 1]))


COPIES = [cropped, noisy, resampled, outlined_wider]


@absent
@pytest.mark.parametrize("copied", COPIES)
def test_copies_of_real_ct_are_found(copied: Callable[[Volume], Volume], monkeypatch: pytest.MonkeyPatch) -> None:
    for image, mask in real_cases().values():
        volume = read_volume(image, mask)
        assert agreement(volume, copied(volume), monkeypatch) >= 0.75 > SAME, image


@absent
def test_different_real_ct_are_told_apart() -> None:
    details = [detail(read_volume(*paths)) for paths in real_cases().values()]
    assert list(alike(details)) == []
    fingerprint_limit = [pair for pair in itertools.combinations(details, 2) if _cosine(*pair) > 0.1]
    assert fingerprint_limit == []


def _cosine(one: np.ndarray, other: np.ndarray) -> float:
    """The agreement written out for one pair."""
    both = (one != -128) & (other != -128)
    a, b = one[both].astype(float), other[both].astype(float)
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def test_agreement_is_the_cosine_over_the_common_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreements, "SAME", -2)
    one, other = detail(chest(1)), detail(cropped(chest(2)))
    known = [np.random.default_rng(seed).integers(-127, 128, one.shape).astype(np.int8) for seed in range(2)]
    for pair in ([one, other], known, [one, known[0]]):
        assert next(iter(alike(pair)))[2] == pytest.approx(_cosine(*pair), abs=1e-5)


def test_pairs_are_found_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreements, "_AT_A_TIME", 2)
    details = [detail(chest(seed)) for seed in (0, 1, 2, 3, 1)]
    assert [pair[:2] for pair in alike(details)] == [(1, 4)]
    assert [pair[:2] for pair in alike([details[0], details[0]])] == [(0, 1)]


def test_pairs_of_few_of_partial_and_of_empty_details() -> None:
    random = np.random.default_rng(0)
    whole = random.integers(-100, 101, (24, 24, 24)).astype(np.int8)
    partial, flat = whole.copy(), np.zeros_like(whole)
    partial[:5] = -128
    assert alike([]) == alike([whole]) == alike([partial]) == alike([flat, flat]) == []
    assert [pair[:2] for pair in alike([partial, flat, whole])] == [(0, 2)]
    assert [pair[:2] for pair in alike([partial, partial, whole, whole])] == list(itertools.combinations(range(4), 2))


def test_among_many_the_pairs_are_those_of_a_comparison_in_full() -> None:
    random = np.random.default_rng(0)
    details = [random.integers(-40, 41, (24, 24, 24)).astype(np.int8) for _ in range(600)]
    for one, other, noise in ((0, 599, 12), (7, 8, 24), (300, 20, 23), (5, 256, 22), (255, 400, 60)):
        details[other] = (details[one] + random.normal(0, noise, (24, 24, 24))).round().clip(-127, 127).astype(np.int8)
    for place in (3, 256, 400):
        details[place][: place % 7 + 8] = -128
    in_full = [
        (one, other)
        for one, other in itertools.combinations(range(600), 2)
        if _cosine(details[one], details[other]) >= SAME
    ]
    assert [pair[:2] for pair in alike(details)] == in_full
    assert len(in_full) == 4


def test_the_hash_is_of_voxels_and_size_only(tmp_path: Path) -> None:
    image = chest(0).image
    before = content_sha256(image)
    for name, compressed in (("a.nii", False), ("b.nii.gz", True), ("c.nrrd", True)):
        sitk.WriteImage(sitk.Cast(image, sitk.sitkFloat32), str(tmp_path / name), compressed)
        assert content_sha256(sitk.ReadImage(str(tmp_path / name))) == before
    moved = sitk.Image(image)
    moved.SetOrigin((0, 0, 0))
    assert content_sha256(moved) == before
    moved[3, 3, 3] = 17
    assert content_sha256(moved) != before
    flat = sitk.GetImageFromArray(sitk.GetArrayFromImage(image).reshape(14, 96, 72))
    assert content_sha256(flat) != before


def test_equal_shapes_with_another_noise_are_different_patients() -> None:
    assert list(alike([detail(tumour_volume(seed)) for seed in range(5)])) == []


@pytest.mark.parametrize(
    ("splits", "state"),
    [({}, "warning"), ({"a": "training", "c": "test"}, "failed"), ({"a": "test", "c": "test"}, "warning")],
)
def test_a_copy_under_another_id_is_named(tmp_path: Path, run_check: Run, splits: dict[str, str], state: str) -> None:
    patients: dict[str, Any] = {"a": chest(0), "b": chest(1), "c": noisy(cropped(chest(0)))}
    rows = {name: {"split": splits.get(name, "training" if splits else "")} for name in patients}
    ended = run_check(write_site(tmp_path / "site", patients, rows))
    found = ended.check("Similar images")
    assert (found["state"], ended.state("Same voxels")) == (state, "ok")
    assert [(one["patient_id"], one["row"]) for one in found["items"]] == [("a", 2)]
    assert "looks like c (row 4)" in found["items"][0]["what"]
    assert ended.code == (1 if state == "failed" else 0)


def test_the_same_voxels_in_another_file_are_one_patient(tmp_path: Path, run_check: Run) -> None:
    volume = chest(0)
    moved = Volume(sitk.Cast(volume.image, sitk.sitkFloat32), outlined_wider(volume).mask)
    patients: dict[str, Any] = {"a": volume, "b": chest(1), "c": moved}
    ended = run_check(write_site(tmp_path / "site", patients))
    assert ended.code == 1
    assert ended.check("Same voxels")["items"][0]["what"] == "has the CT of c (row 4)"
    assert ended.state("Similar images") == "ok"
    rows = {name: {"split": split} for name, split in zip("abc", ("training", "training", "test"), strict=True)}
    divided = run_check(write_site(tmp_path / "divided", patients, rows))
    assert divided.check("Same voxels")["items"][0]["what"] == "has the CT of c (row 4), in training and test"
