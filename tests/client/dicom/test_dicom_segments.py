"""DICOM SEG, NIfTI and NRRD masks on the grid of the CT."""

from __future__ import annotations

import re
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from dicom_files import CtSeries, ball_mask, write_ct_series, write_seg
from dicom_outcomes import converted, marked, refused
from pydicom.dataset import Dataset


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
@pytest.mark.parametrize("omit_empty", [True, False])
def test_a_segment_is_what_was_written(tmp_path: Path, series: CtSeries, kind: str, omit_empty: bool) -> None:
    x, y, z = series.centre
    ball, other = ball_mask(series), ball_mask(series, radius_mm=3, centre=(x + 11, y, z))
    segments = {"Lung": other, "Tumour": ball}
    write_seg(tmp_path / "seg.dcm", series, segments, kind=kind, omit_empty=omit_empty)  # type: ignore[arg-type]
    found = converted(tmp_path)
    np.testing.assert_array_equal(marked(found), ball)
    assert found.roi == "Tumour"
    assert found.notes == (("fractional segment taken from 50% on",) if kind == "FRACTIONAL" else ())


def test_a_fractional_segment_is_cut_at_half(tmp_path: Path, series: CtSeries) -> None:
    fractions = np.where(ball_mask(series, radius_mm=4), 0.51, np.where(ball_mask(series), 0.49, 0.0))
    write_seg(tmp_path / "seg.dcm", series, {"Tumour": fractions}, kind="FRACTIONAL")
    np.testing.assert_array_equal(marked(converted(tmp_path)), ball_mask(series, radius_mm=4))


def test_overlapping_segments_are_taken_one_at_a_time(tmp_path: Path, series: CtSeries) -> None:
    small, large = ball_mask(series, radius_mm=4), ball_mask(series)
    write_seg(tmp_path / "seg.dcm", series, {"core": small, "GTV": large})
    np.testing.assert_array_equal(marked(converted(tmp_path)), large)
    np.testing.assert_array_equal(marked(converted(tmp_path, roi="core")), small)


def test_a_segment_is_also_known_by_its_description(tmp_path: Path, series: CtSeries) -> None:
    def describe(data: Dataset) -> None:
        data.SegmentSequence[1].SegmentDescription = "primary tumour"

    x, y, z = series.centre
    segments = {"S1": ball_mask(series, radius_mm=3, centre=(x + 11, y, z)), "S2": ball_mask(series)}
    write_seg(tmp_path / "seg.dcm", series, segments, edit=describe)
    found = converted(tmp_path)
    assert found.roi == "S2"
    np.testing.assert_array_equal(marked(found), ball_mask(series))


def test_a_segment_equals_what_highdicom_reads(tmp_path: Path, series: CtSeries) -> None:
    generator = np.random.default_rng(5)
    noise = generator.random(series.voxels.shape) < 0.2
    path = write_seg(tmp_path / "seg.dcm", series, {"Tumour": noise})
    seg = highdicom.seg.segread(path)
    uids = [pydicom.dcmread(file, specific_tags=["SOPInstanceUID"]).SOPInstanceUID for file in series.files]
    expected = seg.get_pixels_by_source_instance(uids)[..., 0] > 0
    np.testing.assert_array_equal(marked(converted(tmp_path)), expected)


def _shift(data: Dataset) -> None:
    for groups in data.PerFrameFunctionalGroupsSequence:
        position = groups.PlanePositionSequence[0]
        position.ImagePositionPatient = [
            float(position.ImagePositionPatient[0]) + 0.3,
            *position.ImagePositionPatient[1:],
        ]


def _lift(data: Dataset) -> None:
    for groups in data.PerFrameFunctionalGroupsSequence:
        position = groups.PlanePositionSequence[0]
        position.ImagePositionPatient = [*position.ImagePositionPatient[:2], 500.0]


def _finer(data: Dataset) -> None:
    data.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing = [0.98, 0.98]


def _unplaced(data: Dataset) -> None:
    del data.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence


def _fewer_places(data: Dataset) -> None:
    data.PerFrameFunctionalGroupsSequence = data.PerFrameFunctionalGroupsSequence[:2]


def _odd_kind(data: Dataset) -> None:
    data.SegmentationType = "SURFACE"


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (_shift, r"a frame lies 0\.3 voxels beside the CT's slice \d+, 0\.1 are allowed"),
        (_finer, r"a frame lies 0\.62 voxels beside"),
        (_lift, r"a frame lies at 201\.0 of 12 slices of the CT"),
        (_unplaced, r"a frame has no usable ImagePositionPatient"),
        (_fewer_places, r"does not say where each of its frames lies"),
        (_odd_kind, r'SegmentationType \(0062,0001\) is "SURFACE", unknown'),
    ],
)  # fmt: skip
def test_a_segment_beside_the_ct_grid_is_refused(tmp_path: Path, series: CtSeries, edit: object, sentence: str) -> None:
    write_seg(tmp_path / "seg.dcm", series, {"Tumour": ball_mask(series)}, edit=edit)  # type: ignore[arg-type]
    assert re.search(sentence, refused(tmp_path))


def test_a_segmentation_of_another_series_or_size_is_refused(tmp_path: Path, series: CtSeries) -> None:
    other = write_ct_series(tmp_path.parent / f"{tmp_path.name}-elsewhere", size=(24, 32, 12))
    write_seg(tmp_path / "seg.dcm", other, {"Tumour": ball_mask(other)})
    assert "the SEG was drawn on series" in refused(tmp_path)

    def renamed(data: Dataset) -> None:
        data.ReferencedSeriesSequence[0].SeriesInstanceUID = series.series_uid

    write_seg(tmp_path / "seg.dcm", other, {"Tumour": ball_mask(other)}, edit=renamed)
    assert "its frames have 24 x 32 voxels, the CT 32 x 32" in refused(tmp_path)


def test_an_empty_segment_is_refused(tmp_path: Path, series: CtSeries) -> None:
    nothing = np.zeros(series.voxels.shape, bool)
    write_seg(tmp_path / "seg.dcm", series, {"Tumour": nothing, "other": ball_mask(series)})
    assert 'the segment "Tumour" marks no voxel, it is empty' in refused(tmp_path)


def write_volume_mask(path: Path, series: CtSeries, voxels: np.ndarray, *, shift: float = 0.0) -> None:
    mask = sitk.GetImageFromArray(voxels.astype(np.uint8))
    mask.SetSpacing(series.spacing)
    mask.SetOrigin([series.origin[0] + shift, *series.origin[1:]])
    sitk.WriteImage(mask, str(path))


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd"])
def test_a_mask_volume_beside_the_ct_is_taken(tmp_path: Path, series: CtSeries, suffix: str) -> None:
    write_volume_mask(tmp_path / f"tumour{suffix}", series, 3 * ball_mask(series))
    found = converted(tmp_path)
    np.testing.assert_array_equal(marked(found), ball_mask(series))
    assert found.roi == "tumour"


@pytest.mark.parametrize(
    ("spoil", "shift", "sentence"),
    [
        (lambda mask: mask * 0, 0.0, "is an empty mask"),
        (lambda mask: mask + np.roll(mask, 1, 2), 0.0, r"has 2 labels \(1, 2\)"),
        (lambda mask: mask, 0.5, r"does not fit the CT series: origin along x is -12 mm instead of -12\.5 mm"),
        (lambda mask: mask[1:], 0.0, r"size along z is 11 voxels instead of 12"),
        (lambda mask: mask | True, 0.0, "marks every voxel"),
    ],
)
def test_a_mask_volume_that_does_not_fit_is_refused(
    tmp_path: Path, series: CtSeries, spoil: object, shift: float, sentence: str
) -> None:
    voxels = spoil(ball_mask(series).astype(np.uint8))  # type: ignore[operator]
    write_volume_mask(tmp_path / "mask.nrrd", series, voxels, shift=shift)
    assert re.search(sentence, refused(tmp_path))


def test_a_mask_volume_leaves_a_choice_of_series_open(tmp_path: Path, series: CtSeries) -> None:
    write_ct_series(tmp_path / "b", description="Lung I70f")
    write_volume_mask(tmp_path / "mask.nrrd", series, ball_mask(series))
    assert "names no CT series and there are 2" in refused(tmp_path)
