"""Reading: what is refused, and that the sentence says where, what and what to do."""

from __future__ import annotations

import gzip
import re
import struct
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st
from phantoms import tumour_volume, volume_of, write_volume

from client.volume_files import ImageError
from client.volume_rules import MISFIT_VOXELS, check_geometry, one_label
from client.volumes import Volume, read_volume


def refusal(image: Path, mask: Path) -> str:
    with pytest.raises(ImageError) as caught:
        read_volume(image, mask)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(str(caught.value.path))
    return text


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return write_volume(tumour_volume(), tmp_path, "p")


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd"])
def test_reads_what_was_written(tmp_path: Path, suffix: str) -> None:
    volume = tumour_volume()
    read = read_volume(*write_volume(volume, tmp_path, "p", suffix))
    assert np.array_equal(sitk.GetArrayFromImage(read.image), sitk.GetArrayFromImage(volume.image))
    assert np.array_equal(sitk.GetArrayFromImage(read.mask), sitk.GetArrayFromImage(volume.mask))
    assert read.mask.GetPixelID() == sitk.sitkUInt8
    assert read.image.GetSpacing() == pytest.approx(volume.image.GetSpacing())


def test_missing_folder_and_other_formats_are_named(files: tuple[Path, Path], tmp_path: Path) -> None:
    _, mask = files
    assert "there is no such file" in refusal(tmp_path / "none.nii.gz", mask)
    assert "is not a .nii, .nii.gz, .nrrd file" in refusal(tmp_path, mask)
    other = tmp_path / "scan.mha"
    other.write_bytes(b"x")
    assert "convert it" in refusal(other, mask)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd"])
@pytest.mark.parametrize("part", [0.0, 0.001, 0.3, 0.98])
def test_a_cut_file_is_damaged(tmp_path: Path, suffix: str, part: float) -> None:
    image, mask = write_volume(tumour_volume(), tmp_path, "p", suffix)
    data = image.read_bytes()
    image.write_bytes(data[: int(len(data) * part)])
    assert "is damaged" in refusal(image, mask) or part == 0


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd"])
def test_a_changed_byte_is_noticed(tmp_path: Path, suffix: str) -> None:
    image, mask = write_volume(tumour_volume(), tmp_path, "p", suffix)
    data = bytearray(image.read_bytes())
    data[len(data) // 2] ^= 0xFF
    image.write_bytes(bytes(data))
    assert "is damaged" in refusal(image, mask)


def test_junk_and_half_a_nifti_inside_a_whole_gzip(files: tuple[Path, Path]) -> None:
    image, mask = files
    half = gzip.decompress(image.read_bytes())[:20_000]
    image.write_bytes(gzip.compress(half))
    assert "it holds 20000 of the" in refusal(image, mask)
    image.write_bytes(gzip.compress(b"junk" * 300))
    assert "does not begin as a NIfTI" in refusal(image, mask)


def test_nrrd_with_its_voxels_elsewhere_is_refused(tmp_path: Path) -> None:
    image, mask = write_volume(tumour_volume(), tmp_path, "p", ".nrrd")
    image.write_bytes(b"NRRD0004\ntype: short\ndata file: other.raw\n\n")
    assert "in another file" in refusal(image, mask)


def test_nothing_of_itk_reaches_the_user(files: tuple[Path, Path], capfd: pytest.CaptureFixture[str]) -> None:
    image, mask = files
    header = bytearray(gzip.decompress(image.read_bytes()))
    header[70:72] = b"\xff\x7f"  # a data type that does not exist
    image.write_bytes(gzip.compress(bytes(header)))
    refusal(image, mask)
    assert capfd.readouterr() == ("", "")


def with_mask(tmp_path: Path, mask: np.ndarray) -> str:
    volume = tumour_volume()
    labels = sitk.GetImageFromArray(mask)
    labels.CopyInformation(volume.image)
    return refusal(*write_volume(Volume(volume.image, labels), tmp_path, "p"))


def test_masks_that_mark_too_little_or_too_much(tmp_path: Path) -> None:
    empty = np.zeros((20, 40, 44), dtype=np.uint8)
    assert "is an empty mask" in with_mask(tmp_path, empty)
    one = empty.copy()
    one[5, 6, 7] = 1
    assert "marks a single voxel" in with_mask(tmp_path, one)
    line = empty.copy()
    line[5, 6, 7:12] = 1
    assert "a single line of 5 voxels" in with_mask(tmp_path, line)
    several = empty.copy()
    several[5, 6:9, 7:12] = 1
    several[6, 6:9, 7:12] = 3
    assert "has 2 labels (1, 3)" in with_mask(tmp_path, several)


def test_a_mask_of_0_and_1_loses_what_a_header_says() -> None:
    mask = sitk.GetImageFromArray(np.eye(4, dtype=np.uint8)[None].repeat(3, 0))
    mask.SetMetaData("PatientName", "Doe^Jane")
    binary = one_label(mask, Path("mask.nii"))
    assert not binary.GetMetaDataKeys() and mask.GetMetaDataKeys()
    assert np.array_equal(sitk.GetArrayFromImage(binary), sitk.GetArrayFromImage(mask))


def test_another_label_than_one_is_taken(tmp_path: Path) -> None:
    volume = tumour_volume()
    labels = sitk.Cast(volume.mask, sitk.sitkInt16) * 7
    read = read_volume(*write_volume(Volume(volume.image, labels), tmp_path, "p"))
    assert set(np.unique(sitk.GetArrayFromImage(read.mask))) == {0, 1}


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd"])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_voxel_that_is_no_number(tmp_path: Path, wrong: float, kind: type, suffix: str) -> None:
    volume = tumour_volume()
    voxels = sitk.GetArrayFromImage(volume.image).astype(kind)
    voxels[3, 4, 5] = wrong
    mask = sitk.GetArrayFromImage(volume.mask)
    text = refusal(*write_volume(volume_of(voxels, mask), tmp_path, "p", suffix))
    assert "1 voxel(s) are not a finite number, the first at x 5, y 4, z 3" in text


@pytest.mark.parametrize(
    ("voxels", "words"),
    [
        (np.linspace(0, 1, 20 * 40 * 44).reshape(20, 40, 44), "rescaled to 0..1"),
        (np.arange(20 * 40 * 44).reshape(20, 40, 44) % 256, "grey levels of a picture"),
        (np.full((20, 40, 44), -1000.0), "more than one value"),
        (np.arange(20 * 40 * 44).reshape(20, 40, 44) * 10.0, "-32768 and 32767"),
    ],
)
def test_values_that_are_no_hounsfield_units(tmp_path: Path, voxels: np.ndarray, words: str) -> None:
    mask = sitk.GetArrayFromImage(tumour_volume().mask)
    assert words in refusal(*write_volume(volume_of(voxels.astype(np.float32), mask), tmp_path, "p"))


def test_a_series_in_time_is_no_volume(files: tuple[Path, Path], tmp_path: Path) -> None:
    series = tmp_path / "series.nii.gz"
    sitk.WriteImage(sitk.JoinSeries([tumour_volume(seed).image for seed in (1, 2)]), str(series))
    assert "is a 4D image of 44 x 40 x 20 x 2" in refusal(series, files[1])


def test_a_mask_of_another_size_says_which_axis_and_how_much(tmp_path: Path) -> None:
    volume = tumour_volume()
    text = refusal(*write_volume(Volume(volume.image, volume.mask[:, :, 2:]), tmp_path, "p"))
    assert "size along z is 18 voxels instead of 20 (-4 mm)" in text
    assert "along x" not in text


@given(axis=st.integers(0, 2), shift=st.floats(-50, 50), what=st.sampled_from(["origin", "spacing"]))
def test_a_shift_is_named_exactly_when_it_passes_a_tenth_of_a_voxel(axis: int, shift: float, what: str) -> None:
    volume = tumour_volume(size=(5, 6, 7), radius_mm=1)
    spacing = volume.image.GetSpacing()
    moved = [volume.mask.GetOrigin(), spacing][what == "spacing"]
    target = list(moved)
    target[axis] += shift if what == "origin" else abs(shift) / 20
    (volume.mask.SetOrigin if what == "origin" else volume.mask.SetSpacing)(target)
    reach = abs(shift) if what == "origin" else abs(shift) / 20 * (volume.mask.GetSize()[axis] - 1)
    allowed = MISFIT_VOXELS * (min(spacing) if what == "origin" else spacing[axis])
    if abs(reach - allowed) < 1e-6:
        return
    try:
        check_geometry(volume.image, volume.mask, image=Path("ct.nii"), mask=Path("mask.nii"))
        assert reach < allowed
    except ImageError as error:
        assert reach > allowed
        assert f"{what} along {'xyz'[axis]}" in str(error)
        assert "mm)" in str(error)


def test_a_turned_mask_is_named(tmp_path: Path) -> None:
    volume = tumour_volume()
    angle = np.deg2rad(2)
    turned = [np.cos(angle), -np.sin(angle), 0, np.sin(angle), np.cos(angle), 0, 0, 0, 1]
    volume.mask.SetDirection(turned)
    text = refusal(*write_volume(volume, tmp_path, "p"))
    assert "direction of x is" in text
    assert "mm apart" in text


def test_rounding_in_a_header_is_no_misfit(tmp_path: Path) -> None:
    volume = tumour_volume()
    volume.mask.SetOrigin([value + 1e-4 for value in volume.image.GetOrigin()])
    read = read_volume(*write_volume(volume, tmp_path, "p"))
    assert read.mask.GetOrigin() == read.image.GetOrigin()


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (80, 0.0, "gives 0 mm as voxel size along x"),
        (84, float("nan"), "gives nan mm as voxel size along y"),
        (88, 700.0, "gives 700 mm as voxel size along z"),
        (108, -352.0, "is damaged"),
        (112, float("nan"), "is damaged"),
    ],
)
def test_header_without_a_voxel_size_is_refused(tmp_path: Path, place: int, value: float, words: str) -> None:
    image, mask = write_volume(tumour_volume(), tmp_path, "p", ".nii")
    data = bytearray(image.read_bytes())
    struct.pack_into("<f", data, place, value)
    image.write_bytes(data)
    assert words in refusal(image, mask)


def test_unit_of_a_header_must_be_mm(tmp_path: Path) -> None:
    image, mask = write_volume(tumour_volume(), tmp_path, "p", ".nii")
    data = bytearray(image.read_bytes())
    data[123] = 1
    image.write_bytes(data)
    assert "measures in unit 1, it must be 2 (mm)" in refusal(image, mask)


def test_nrrd_without_a_voxel_size_is_refused(tmp_path: Path) -> None:
    image, mask = write_volume(tumour_volume(), tmp_path, "p", ".nrrd")
    data = image.read_bytes()
    image.write_bytes(re.sub(rb"space directions:[^\n]*\n", b"", data))
    assert "gives no voxel size" in refusal(image, mask)


def test_mask_that_is_everything_or_the_image_itself_is_refused(tmp_path: Path) -> None:
    volume = tumour_volume()
    image, mask = write_volume(Volume(volume.image, volume.mask * 0 + 1), tmp_path, "p", ".nii.gz")
    assert "marks every voxel" in refusal(image, mask)
    assert "is named as image and as mask" in refusal(image, image)
