"""CT series made into one volume, or refused with what is wrong and where."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from dicom_files import (
    CtSeries,
    ball_contours,
    ball_mask,
    lung_with_ball,
    write_ct_series,
    write_enhanced_ct,
    write_rtstruct,
)
from dicom_outcomes import converted, with_structure
from pydicom.dataset import Dataset
from pydicom.uid import (
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from client.dicom import convert, read_tree


def assert_as_written(image: sitk.Image, series: CtSeries) -> None:
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), series.voxels)
    np.testing.assert_allclose(image.GetOrigin(), series.origin)
    np.testing.assert_allclose(image.GetSpacing(), series.spacing)
    assert image.GetPixelID() == sitk.sitkInt16


def test_a_clean_series_gives_the_voxels_that_were_written(tmp_path: Path) -> None:
    series = with_structure(tmp_path, spacing=(0.8, 0.7, 2.5))
    found = converted(tmp_path)
    assert_as_written(found.volume.image, series)
    assert found.roi == "GTV-1" and found.notes == ()
    assert found.acquisition == {
        "manufacturer": "SIEMENS",
        "convolution_kernel": "B30f",
        "tube_current_ma": "210",
        "slice_thickness_mm": "2.5",
    }


@pytest.mark.parametrize(
    "orientation",
    [(1, 0, 0, 0, 1, 0), (0, 1, 0, 0, 0, -1), (-1, 0, 0, 0, -1, 0), (0.8, 0.6, 0, -0.6, 0.8, 0), (0, 0, 1, 1, 0, 0)],
)
def test_any_orientation_is_read_as_simpleitk_reads_it(tmp_path: Path, orientation: tuple[float, ...]) -> None:
    write_ct_series(tmp_path / "turned", patient_id="T", orientation=orientation)
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(tmp_path / "turned"))
    expected = sitk.ReadImage(names)
    mask = sitk.Cast(expected > -400, sitk.sitkUInt8)
    sitk.WriteImage(mask, str(tmp_path / "turned" / "mask.nrrd"))
    found = convert(read_tree(tmp_path / "turned", jobs=1).patients["T"], roi=None)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found.volume.image), sitk.GetArrayFromImage(expected))
    for read, reference in ((found.volume.image, expected), (found.volume.mask, mask)):
        np.testing.assert_allclose(read.GetOrigin(), reference.GetOrigin(), atol=1e-6)
        np.testing.assert_allclose(read.GetSpacing(), reference.GetSpacing(), atol=1e-6)
        np.testing.assert_allclose(read.GetDirection(), reference.GetDirection(), atol=1e-6)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found.volume.mask), sitk.GetArrayFromImage(mask))
    assert found.notes == (() if orientation[2] == orientation[5] == 0 else ("the slices are not axial",))


@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, ExplicitVRBigEndian, JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless, RLELossless],
    ids=lambda syntax: syntax.name,
)
def test_every_usual_transfer_syntax_is_decoded(tmp_path: Path, syntax: str) -> None:
    series = with_structure(tmp_path, transfer_syntax=syntax)
    assert pydicom.dcmread(series.files[0]).file_meta.TransferSyntaxUID == syntax
    assert_as_written(converted(tmp_path).volume.image, series)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_multi_frame_ct_equals_its_single_slices(tmp_path: Path, legacy: bool) -> None:
    series = write_ct_series(tmp_path / "single", tube_current="180")
    path = write_enhanced_ct(tmp_path / "multi" / "ct.dcm", series, legacy=legacy)
    sitk.WriteImage(_mask_image(series), str(path.parent / "mask.nii.gz"))
    found = converted(path.parent)
    assert_as_written(found.volume.image, series)
    assert found.acquisition == {
        "manufacturer": "SIEMENS",
        "convolution_kernel": "B30f",
        "tube_current_ma": "180",
        "slice_thickness_mm": "2",
    }


def _mask_image(series: CtSeries) -> sitk.Image:
    mask = sitk.GetImageFromArray(ball_mask(series).astype(np.uint8))
    mask.SetSpacing(series.spacing)
    mask.SetOrigin(series.origin)
    return mask


def test_rescaling_that_is_not_whole_gives_float(tmp_path: Path) -> None:
    def halves(data: Dataset, index: int) -> None:
        data.RescaleSlope, data.RescaleIntercept = "0.5", "-1000"

    series = with_structure(tmp_path, edit=halves)
    image = converted(tmp_path).volume.image
    assert image.GetPixelID() == sitk.sitkFloat32
    np.testing.assert_allclose(sitk.GetArrayFromImage(image), (series.voxels + 1024.0) * 0.5 - 1000)


def test_padding_below_air_becomes_air_and_is_counted(tmp_path: Path) -> None:
    def signed_with_padding(data: Dataset, index: int) -> None:
        stored = np.frombuffer(data.PixelData, "<u2").astype(np.int16)
        stored[:7] = -2000
        data.PixelRepresentation = 1
        data.add_new("PixelPaddingValue", "SS", -2000)
        data.PixelData = stored.tobytes()

    series = with_structure(tmp_path, edit=signed_with_padding)
    found = converted(tmp_path)
    voxels = sitk.GetArrayFromImage(found.volume.image)
    assert (voxels[:, 0, :7] == -1024).all()
    np.testing.assert_array_equal(voxels[:, 1:], series.voxels[:, 1:])
    assert found.notes == (f"{7 * len(series.files)} voxels of padding set to -1024 HU",)


def test_localisers_and_another_orientation_are_left_aside_and_said(tmp_path: Path) -> None:
    series = with_structure(tmp_path)
    for name, index in (("scout", 0), ("coronal", 1)):
        data = pydicom.dcmread(series.files[index])
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
        data.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
        if name == "scout":
            data.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
        data.save_as(tmp_path / "ct" / f"{name}.dcm")
    tree = read_tree(tmp_path, jobs=1)
    assert [(one.path.name, one.reason) for one in tree.ignored] == [("scout.dcm", "localiser")]
    found = converted(tmp_path)
    assert_as_written(found.volume.image, series)
    assert found.notes == ("1 localiser image(s) left aside", "1 slice(s) of another orientation left aside")


def test_rounded_positions_are_even_enough(tmp_path: Path) -> None:
    def rounded(data: Dataset, index: int) -> None:
        data.ImagePositionPatient = [*data.ImagePositionPatient[:2], round(float(data.ImagePositionPatient[2]), 2)]

    with_structure(tmp_path, spacing=(1.0, 1.0, 1.253), edit=rounded)
    assert converted(tmp_path).volume.image.GetSize() == (32, 32, 12)


def test_acquisition_is_empty_where_unknown_and_the_median_over_slices(tmp_path: Path) -> None:
    def vary(data: Dataset, index: int) -> None:
        data.XRayTubeCurrent = str(100 + 10 * index)
        data.SliceThickness = ""
        del data.Manufacturer
        data.ConvolutionKernel = ["I30f", "3"]

    with_structure(tmp_path, edit=vary)
    assert converted(tmp_path).acquisition == {
        "manufacturer": "",
        "convolution_kernel": "I30f/3",
        "tube_current_ma": "155",
        "slice_thickness_mm": "",
    }


def test_contours_of_a_ball_mark_the_ball(tmp_path: Path) -> None:
    voxels = lung_with_ball((48, 48, 40), (1.0, 1.0, 1.0), radius_mm=15)
    series = write_ct_series(tmp_path / "ct", size=(48, 48, 40), spacing=(1.0, 1.0, 1.0), voxels=voxels)
    write_rtstruct(tmp_path / "rs.dcm", series, {"GTV-1": ball_contours(series, radius_mm=15)})
    marked = sitk.GetArrayFromImage(converted(tmp_path).volume.mask) > 0
    expected = ball_mask(series, radius_mm=15)
    assert 2 * (marked & expected).sum() / (marked.sum() + expected.sum()) > 0.99
