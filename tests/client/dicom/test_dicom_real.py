"""Real CT with RTSTRUCT against SimpleITK's reader and the masks that came with them; broken files from elsewhere."""

from __future__ import annotations

import re
import shutil
import tarfile
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from phantoms import SHARED

from client.dicom import Converted, DicomError, PatientFiles, convert, read_tree

DICOM, CROPS, BAD = SHARED / "lung_dicom", SHARED / "lung_ct", SHARED / "bad_input"
pytestmark = pytest.mark.skipif(not DICOM.is_dir() or not BAD.is_dir(), reason="needs ../shared/data")

CASES = {
    "PAT2": ("pat_2", "mask_GTV-1.nii.gz", 0.97),
    "PAT3": ("pat_3", "mask_GTV-1.nii.gz", 0.99),
    "LUNG1-001": ("LUNG1-001.tar.xz", "mask_GTV-1.nii.gz", 0.99),
}


def unpacked(name: str, folder: Path) -> Path:
    if not name.endswith(".tar.xz"):
        return DICOM / name
    with tarfile.open(DICOM / name) as archive:
        archive.extractall(folder, filter="data")
    return folder


def only_patient(root: Path) -> PatientFiles:
    (files,) = read_tree(root, jobs=1).patients.values()
    return files


@pytest.fixture(scope="module", params=sorted(CASES))
def case(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, PatientFiles, Converted]:
    files = only_patient(unpacked(CASES[request.param][0], tmp_path_factory.mktemp("real")))
    return request.param, files, convert(files, roi=None)


def test_the_volume_is_what_simpleitk_reads(case: tuple[str, PatientFiles, Converted]) -> None:
    _, files, found = case
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(files.ct[0].path.parent))
    expected, image = sitk.ReadImage(names), found.volume.image
    np.testing.assert_array_equal(sitk.GetArrayViewFromImage(image), sitk.GetArrayViewFromImage(expected))
    assert image.GetPixelID() == sitk.sitkInt16
    np.testing.assert_allclose(image.GetOrigin(), expected.GetOrigin(), atol=1e-6)
    np.testing.assert_allclose(image.GetSpacing(), expected.GetSpacing(), atol=1e-6)
    np.testing.assert_allclose(image.GetDirection(), expected.GetDirection(), atol=1e-9)


def test_the_crop_that_came_with_it_has_the_same_hu_and_mask(case: tuple[str, PatientFiles, Converted]) -> None:
    name, _, found = case
    _, mask_name, least = CASES[name]
    crop, crop_mask = (sitk.ReadImage(str(CROPS / name / one)) for one in ("image.nii.gz", mask_name))
    corner = found.volume.image.TransformPhysicalPointToIndex(crop.GetOrigin())
    ours = sitk.RegionOfInterest(found.volume.image, crop.GetSize(), corner)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(ours), sitk.GetArrayFromImage(crop))
    mask = sitk.GetArrayFromImage(sitk.RegionOfInterest(found.volume.mask, crop.GetSize(), corner)) > 0
    expected = sitk.GetArrayFromImage(crop_mask) > 0
    assert mask.sum() == sitk.GetArrayViewFromImage(found.volume.mask).sum()
    assert 2 * (mask & expected).sum() / (mask.sum() + expected.sum()) > least
    assert found.roi == "GTV-1" and found.notes == ()


def refusal(folder: Path, *, roi: str | None = None) -> str:
    with pytest.raises(DicomError) as caught:
        convert(only_patient(folder), roi=roi)
    assert "\n" not in str(caught.value)
    return caught.value.reason


@pytest.mark.parametrize(
    ("folder", "roi", "sentence"),
    [
        (
            "dicom2nifti_gantrytilting_001",
            None,
            r"gantry was tilted by 14\.0 degrees according to its slices' positions",
        ),
        (
            "dicom2nifti_sliceincrement_001",
            None,
            r"slices are missing: 1 between 28\.11 and 38\.11 mm \(usual distance 5 mm\)",
        ),
        ("rt_utils", None, r"another file carries the same SOPInstanceUID \(0008,0018\) and differs"),
        ("mirp_tiny_seg", None, r'no ROI\'s name says that it is the tumour; present are "Liver"; .*--roi'),
        ("mirp_tiny_seg", "Liver", r"values run from 0 to 1, it looks rescaled to 0\.\.1, a CT is in HU"),
        ("dcmqi_seg", None, r'no ROI\'s name says that it is the tumour; present are "heart_seg", "Liver", .*--roi'),
    ],
)
def test_every_folder_of_bad_input_gives_its_sentence(folder: str, roi: str | None, sentence: str) -> None:
    assert re.search(sentence, refusal(BAD / folder, roi=roi))


def test_mr_is_no_ct() -> None:
    tree = read_tree(BAD / "mr_not_ct", jobs=1)
    assert not tree.patients and {one.reason for one in tree.ignored} == {"MR, not CT"} and tree.files == 4


@pytest.mark.parametrize(
    ("name", "roi", "sentence"),
    [
        ("rt.dcm", None, r"has 2 slice\(s\), a volume needs 3"),
        (
            "invalid_reference_rt.dcm",
            None,
            r'present are "ROI-1", "ROI-2", "ROI-3", "ROI-4"; name the tumour\'s with --roi',
        ),
        ("invalid_reference_rt.dcm", "ROI-1", r"has 2 slice\(s\), a volume needs 3"),
        ("non_existent_reference_rt.dcm", "ROI-1", r"has 2 slice\(s\), a volume needs 3"),
    ],
)
def test_each_broken_structure_set_gives_its_sentence(
    tmp_path: Path, name: str, roi: str | None, sentence: str
) -> None:
    for file in ("ct_1.dcm", "ct_2.dcm", name):
        shutil.copy(BAD / "rt_utils" / "mock_data" / file, tmp_path)
    assert re.search(sentence, refusal(tmp_path, roi=roi))


def test_a_segmentation_whose_frames_end_within_a_byte_is_read_bit_by_bit(tmp_path: Path) -> None:
    """The tiny phantom marks the voxels that are 1 in its image, and the corners; its values are moved into HU."""
    shutil.copy(BAD / "mirp_tiny_seg" / "mask" / "mask.dcm", tmp_path)
    for path in (BAD / "mirp_tiny_seg" / "image").iterdir():
        data = pydicom.dcmread(path)
        data.RescaleIntercept = "-500"
        data.save_as(tmp_path / path.name)
    found = convert(only_patient(tmp_path), roi="Liver")
    expected = sitk.GetArrayFromImage(found.volume.image) > -500
    for y in (0, -1):
        expected[:, y, [0, -1]] = True
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found.volume.mask) > 0, expected)


def test_a_segmentation_of_dcmqi_equals_what_highdicom_reads() -> None:
    folder = BAD / "dcmqi_seg"
    found = convert(only_patient(folder), roi="Liver")
    seg = highdicom.seg.segread(folder / "liver.dcm")
    slices = [pydicom.dcmread(path, stop_before_pixels=True) for path in (folder / "ct-3slice").iterdir()]
    slices.sort(key=lambda one: float(one.ImagePositionPatient[2]))
    expected = (
        seg.get_pixels_by_source_instance([one.SOPInstanceUID for one in slices], ignore_spatial_locations=True)[..., 0]
        > 0
    )
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found.volume.mask) > 0, expected)
