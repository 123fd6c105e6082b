"""Which ROI of which file, on which CT series."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from dicom_files import CtSeries, ball_contours, ball_mask, write_ct_series, write_rtstruct
from dicom_outcomes import converted, marked, refused
from pydicom.dataset import Dataset

from client.dicom import check_roi_rule
from common.errors import UsageError


def two_balls(path: Path, series: CtSeries, *names: str, **options: object) -> None:
    x, y, z = series.centre
    places = [(x, y, z), (x - 8, y - 8, z), (x + 8, y + 8, z), (x + 8, y - 8, z)]
    balls = {name: ball_contours(series, radius_mm=4, centre=place) for name, place in zip(names, places, strict=False)}
    write_rtstruct(path, series, balls, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("names", "rule", "chosen"),
    [
        (["anything"], None, "anything"),
        (["Lung-Left", "GTV-1", "Spinal-Cord"], None, "GTV-1"),
        (["heart", "tumour left"], None, "tumour left"),
        (["Heart", "TUMOR"], None, "TUMOR"),
        (["GTV-1", "GTV-2"], "gtv-2", "GTV-2"),
        (["GTV-1", "GTV-2"], "gtv-[2-9]", "GTV-2"),
        (["GTV", "GTV-2"], "gtv", "GTV"),
        (["GTV (old)", "GTVxold"], "GTV (old)", "GTV (old)"),
    ],
)
def test_the_roi_is_found_by_its_name(
    tmp_path: Path, series: CtSeries, names: list[str], rule: str | None, chosen: str
) -> None:
    two_balls(tmp_path / "rs.dcm", series, *names)
    found = converted(tmp_path, roi=rule)
    assert found.roi == chosen
    x, y, z = series.centre
    place = [(x, y, z), (x - 8, y - 8, z), (x + 8, y + 8, z)][names.index(chosen)]
    expected = ball_mask(series, radius_mm=4, centre=place)
    assert np.logical_xor(marked(found), expected).sum() < 0.03 * expected.sum()


@pytest.mark.parametrize(
    ("names", "rule", "sentence"),
    [
        (["heart", "lung"], None, 'no ROI\'s name says that it is the tumour; present are "heart", "lung"; name'),
        (["GTV-1", "GTV-2", "lung"], None, '2 ROIs could be the tumour ("GTV-1", "GTV-2"); present are "GTV-1", '),
        (
            ["GTV-1", "lung"],
            "PTV",
            'no ROI is named \'PTV\'; present are "GTV-1", "lung"; name the tumour\'s with --roi',
        ),
        (["GTV-1", "GTV-2"], "gtv.*", '2 ROIs could be the tumour ("GTV-1", "GTV-2")'),
        (["GTV-1", "GTV-2"], "gtv", "no ROI is named 'gtv'"),
    ],
)
def test_a_doubt_about_the_roi_is_refused_with_the_names(
    tmp_path: Path, series: CtSeries, names: list[str], rule: str | None, sentence: str
) -> None:
    two_balls(tmp_path / "rs.dcm", series, *names)
    assert sentence in refused(tmp_path, roi=rule)


def test_one_name_twice_in_a_structure_set_is_refused(tmp_path: Path, series: CtSeries) -> None:
    def same_name(data: Dataset) -> None:
        data.StructureSetROISequence[1].ROIName = "GTV"

    x, y, z = series.centre
    balls = {"GTV": ball_contours(series), "other": ball_contours(series, radius_mm=3, centre=(x, y, z))}
    write_rtstruct(tmp_path / "rs.dcm", series, balls, edit=same_name)
    assert 'has several ROIs named "GTV"; give each a name of its own' in refused(tmp_path)


@pytest.mark.parametrize("rule", ["", "  ", "GTV(", "*", "[a"])
def test_a_rule_that_cannot_work_is_wrong_usage(rule: str) -> None:
    with pytest.raises(UsageError, match="--roi"):
        check_roi_rule(rule)


def test_the_mask_says_which_of_several_series_is_meant(tmp_path: Path, series: CtSeries) -> None:
    other = write_ct_series(tmp_path / "b", size=(32, 32, 9), description="Lung I70f", kernel="I70f")
    write_rtstruct(tmp_path / "rs.dcm", other, {"GTV": ball_contours(other)})
    found = converted(tmp_path)
    assert found.volume.image.GetSize() == (32, 32, 9)
    assert found.acquisition["convolution_kernel"] == "I70f"


def test_a_mask_of_images_only_finds_their_series(tmp_path: Path, series: CtSeries) -> None:
    write_ct_series(tmp_path / "b", size=(32, 32, 9))
    write_rtstruct(tmp_path / "rs.dcm", series, {"GTV": ball_contours(series)}, references="images")
    assert converted(tmp_path).volume.image.GetSize() == (32, 32, 12)


def test_a_mask_without_reference_needs_one_series_and_its_frame_of_reference(tmp_path: Path, series: CtSeries) -> None:
    write_rtstruct(tmp_path / "rs.dcm", series, {"GTV": ball_contours(series)}, references="none")
    note = "the RTSTRUCT names no series, it was matched by its frame of reference"
    assert converted(tmp_path).notes == (note,)
    write_ct_series(tmp_path / "b", size=(32, 32, 9), description="Lung I70f")
    text = refused(tmp_path)
    assert '"Thorax B30f" of 12 slices' in text and '"Lung I70f" of 9 slices' in text


def test_a_mask_of_another_series_is_refused_in_a_sentence(tmp_path: Path, series: CtSeries) -> None:
    other = write_ct_series(tmp_path.parent / f"{tmp_path.name}-elsewhere")
    write_rtstruct(tmp_path / "rs.dcm", other, {"GTV": ball_contours(other)})
    theirs, ours = other.series_uid[-8:], series.series_uid[-8:]
    sentence = f"was drawn on series ...{theirs}, the CT here is series ...{ours}; send the CT it was drawn on"
    assert sentence in refused(tmp_path)
    write_rtstruct(tmp_path / "rs.dcm", other, {"GTV": ball_contours(other)}, references="none")
    assert "names no series, and its frame of reference" in refused(tmp_path)
    write_rtstruct(tmp_path / "rs.dcm", other, {"GTV": ball_contours(other)}, references="images")
    assert "was drawn on image ..." in refused(tmp_path)


def test_contours_on_images_that_are_not_in_the_series_are_refused(tmp_path: Path, series: CtSeries) -> None:
    def strange_image(data: Dataset) -> None:
        image = Dataset()
        image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3.987654321987"
        data.ROIContourSequence[0].ContourSequence[0].ContourImageSequence = [image]

    write_rtstruct(tmp_path / "rs.dcm", series, {"GTV": ball_contours(series)}, edit=strange_image)
    assert "the contours name 1 image(s) that are not in the CT series here, among them ...54321987" in refused(
        tmp_path
    )


def test_the_tumour_drawn_on_two_series_is_refused(tmp_path: Path, series: CtSeries) -> None:
    other = write_ct_series(tmp_path / "b", size=(32, 32, 9), description="Lung I70f")
    for one, name in ((series, "a.dcm"), (other, "b.dcm")):
        write_rtstruct(tmp_path / name, one, {"GTV": ball_contours(one)})
    assert re.search(r'drawn on 2 CT series \(.*"Lung I70f" of 9 slices.*\), one is imported', refused(tmp_path))


def test_a_stray_mask_of_another_series_is_left_aside_and_said(tmp_path: Path, series: CtSeries) -> None:
    elsewhere = write_ct_series(tmp_path.parent / f"{tmp_path.name}-elsewhere")
    write_rtstruct(tmp_path / "a.dcm", series, {"GTV": ball_contours(series)})
    write_rtstruct(tmp_path / "b.dcm", elsewhere, {"GTV": ball_contours(elsewhere)})
    assert converted(tmp_path).notes == ("1 mask file(s) of another or of no certain series left aside",)


def test_the_newest_of_several_structure_sets_is_taken_and_said(tmp_path: Path, series: CtSeries) -> None:
    for name, radius, date in (("a", 4.0, "20240501"), ("b", 6.0, "20240503"), ("c", 5.0, "20240502")):
        contours = ball_contours(series, radius_mm=radius)
        write_rtstruct(tmp_path / f"{name}.dcm", series, {"GTV": contours}, date=date)
    found = converted(tmp_path)
    assert found.notes == ("the newest of 3 masks of the ROI was taken",)
    assert np.logical_xor(marked(found), ball_mask(series)).sum() < 0.03 * ball_mask(series).sum()


@pytest.mark.parametrize("dates", [("20240501", "20240501"), ("20240501", "")])
def test_structure_sets_without_an_order_are_refused(tmp_path: Path, series: CtSeries, dates: tuple[str, str]) -> None:
    for name, date in zip("ab", dates, strict=True):
        write_rtstruct(tmp_path / f"{name}.dcm", series, {"GTV": ball_contours(series)}, date=date)
    text = refused(tmp_path)
    assert "marked by 2 files on one CT series (a.dcm, b.dcm), and their dates do not tell" in text
    assert "2024" not in text.replace(str(tmp_path), "")


def test_a_patient_without_mask_or_without_ct_is_refused(tmp_path: Path, series: CtSeries) -> None:
    assert "nothing marks the tumour; send its RTSTRUCT or SEG" in refused(tmp_path / "ct")
    write_rtstruct(tmp_path / "only" / "rs.dcm", series, {"GTV": ball_contours(series)})
    assert "there is no CT image; send the CT series with the structure set" in refused(tmp_path / "only")
