"""RTSTRUCT contours and the voxels they mark."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_files import CtSeries, ball_contours, ball_mask, circle, write_rtstruct
from dicom_outcomes import converted, marked, refused
from pydicom.dataset import Dataset


def square(left: float, top: float, right: float, bottom: float, z: float) -> np.ndarray:
    """Corners in mm."""
    return np.array([(left, top, z), (right, top, z), (right, bottom, z), (left, bottom, z)])


def centre_slice(series: CtSeries) -> float:
    return series.origin[2] + 6 * series.spacing[2]


def test_a_hole_stays_a_hole_and_two_islands_are_two(tmp_path: Path, series: CtSeries) -> None:
    z = centre_slice(series)
    island = circle(-6.0, 13.0, z, radius_mm=2.6)
    rings = [square(-5.2, 14.6, 11.3, 30.2, z), square(0.3, 19.7, 6.2, 25.1, z), island]
    write_rtstruct(tmp_path / "rs.dcm", series, {"GTV": rings})
    found = marked(converted(tmp_path))
    x, y = (series.origin[axis] + np.arange(32) for axis in (0, 1))
    outer = (x > -5.2) & (x < 11.3), (y > 14.6) & (y < 30.2)
    inner = (x > 0.3) & (x < 6.2), (y > 19.7) & (y < 25.1)
    expected = np.outer(outer[1], outer[0]) & ~np.outer(inner[1], inner[0])
    expected |= (x[None, :] + 6) ** 2 + (y[:, None] - 13) ** 2 < 2.6**2
    np.testing.assert_array_equal(found[6], expected)
    assert found.sum() == expected.sum()


def test_a_keyhole_contour_leaves_its_hole_out(tmp_path: Path, series: CtSeries) -> None:
    z = centre_slice(series)
    outer, inner = square(-5.2, 14.6, 11.3, 30.2, z), square(0.3, 19.7, 6.2, 25.1, z)[::-1]
    keyhole = np.concatenate([outer, outer[:1], inner[-1:], inner, outer[:1]])
    write_rtstruct(tmp_path / "keyhole.dcm", series, {"GTV": [keyhole]})
    first = marked(converted(tmp_path))
    (tmp_path / "keyhole.dcm").unlink()
    write_rtstruct(tmp_path / "rings.dcm", series, {"GTV": [outer, inner]})
    np.testing.assert_array_equal(first, marked(converted(tmp_path)))
    assert not first[6, 15, 15] and first[6, 9, 9]


def test_points_and_open_lines_are_left_out_and_said(tmp_path: Path, series: CtSeries) -> None:
    def add_point(data: Dataset) -> None:
        point = Dataset()
        point.ContourGeometricType, point.NumberOfContourPoints = "POINT", 1
        point.ContourData = ["3", "22", "111"]
        data.ROIContourSequence[0].ContourSequence.append(point)

    write_rtstruct(tmp_path / "rs.dcm", series, {"GTV": ball_contours(series)}, edit=add_point)
    assert converted(tmp_path).notes == ("1 contour(s) that enclose nothing (points or open lines) left out",)


def test_only_open_lines_are_an_empty_structure(tmp_path: Path, series: CtSeries) -> None:
    write_rtstruct(tmp_path / "rs.dcm", series, {"GTV": ball_contours(series)}, geometric_type="OPEN_PLANAR")
    assert 'the ROI "GTV" has no closed contour, it is empty; draw the tumour' in refused(tmp_path)


def test_contours_between_slices_go_to_the_nearest_and_are_said(tmp_path: Path, series: CtSeries) -> None:
    moved = [points + np.array((0, 0, 0.7)) for points in ball_contours(series)]
    write_rtstruct(tmp_path / "rs.dcm", series, {"GTV": moved})
    found = converted(tmp_path)
    assert found.notes == (f"{len(moved)} contour(s) between slices went to the nearest one",)
    assert np.logical_xor(marked(found), ball_mask(series)).sum() < 0.03 * ball_mask(series).sum()


@pytest.mark.parametrize(
    ("move", "sentence"),
    [
        (
            (0, 0, 30.0),
            r"lies at 136\.00 mm, 14 mm beyond the last slice \(the CT reaches from 100\.00 to 122\.00 mm\)",
        ),
        ((14.0, 0, 0), r"a contour leaves the image by \d[\d.]* mm; send the CT it was drawn on"),
    ],
)
def test_contours_off_the_image_are_refused_with_numbers(
    tmp_path: Path, series: CtSeries, move: tuple[float, float, float], sentence: str
) -> None:
    write_rtstruct(tmp_path / "rs.dcm", series, {"GTV": [points + move for points in ball_contours(series)]})
    assert re.search(sentence, refused(tmp_path))


def test_contours_of_finer_slices_do_not_cut_holes(tmp_path: Path, series: CtSeries) -> None:
    z = centre_slice(series)
    discs = [circle(3.0, 22.0, height, radius_mm=6) for height in (z - 0.7, z + 0.7)]
    write_rtstruct(tmp_path / "rs.dcm", series, {"GTV": discs})
    assert re.search(r"contours at 111\.30 and 112\.70 mm fall on one slice", refused(tmp_path))


def test_a_contour_across_slices_is_refused(tmp_path: Path, series: CtSeries) -> None:
    points = circle(3.0, 22.0, 110.0, radius_mm=6)
    points[:, 2] += np.linspace(-3, 3, len(points))
    write_rtstruct(tmp_path / "rs.dcm", series, {"GTV": [points]})
    assert "a contour reaches over 6 mm across the slices" in refused(tmp_path)


def test_a_skipped_slice_is_said(tmp_path: Path, series: CtSeries) -> None:
    contours = ball_contours(series)
    write_rtstruct(tmp_path / "rs.dcm", series, {"GTV": contours[:2] + contours[3:]})
    assert converted(tmp_path).notes == ("1 slice(s) within the ROI have no contour",)


@pytest.mark.parametrize("value", [["1", "2"], ["1", "2", "x"], ["1", "2", "3", "4"], []])
def test_a_contour_without_whole_points_is_refused(tmp_path: Path, series: CtSeries, value: list[str]) -> None:
    def spoil(data: Dataset) -> None:
        data.ROIContourSequence[0].ContourSequence[0].ContourData = ["9"] * max(1, len(value))
        element = data.ROIContourSequence[0].ContourSequence[0]["ContourData"]
        element._value = pydicom.multival.MultiValue(str, value) if value else None

    write_rtstruct(tmp_path / "rs.dcm", series, {"GTV": ball_contours(series)}, edit=spoil)
    assert re.search(r"a contour holds \d usable numbers, it needs 3 a point", refused(tmp_path))


def test_a_cut_structure_set_is_not_taken_for_a_smaller_tumour(tmp_path: Path, series: CtSeries) -> None:
    contours = ball_contours(series, points=12)
    path = write_rtstruct(tmp_path / "rs.dcm", series, {"GTV": contours})
    whole, expected = path.read_bytes(), marked(converted(tmp_path))
    data = pydicom.dcmread(path)
    for sequence in ("StructureSetROISequence", "ROIContourSequence"):
        data[sequence].is_undefined_length = True
        for item in data[sequence]:
            item.is_undefined_length_sequence_item = True
    data.ROIContourSequence[0]["ContourSequence"].is_undefined_length = True
    data.save_as(path)
    undefined = path.read_bytes()
    np.testing.assert_array_equal(marked(converted(tmp_path)), expected)
    for content in (whole, undefined):
        for share in np.linspace(0.05, 0.999, 40):
            path.write_bytes(content[: int(share * len(content))])
            refused(tmp_path)
