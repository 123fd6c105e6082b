"""CT series that make no volume, refused with what is wrong and where."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_files import (
    Edit,
    ball_contours,
    recode,
    write_ct_series,
    write_rtstruct,
)
from dicom_outcomes import converted, refused, with_structure
from pydicom.dataset import Dataset
from pydicom.uid import HTJ2K, JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless

from client.dicom import DicomError, convert, read_tree


def refusal(root: Path, **options: object) -> str:
    with_structure(root, **options)
    return refused(root)


def change(index: int, **values: object) -> Edit:
    """An edit of one slice; None deletes the tag."""

    def edit(data: Dataset, slice_index: int) -> None:
        if slice_index == index:
            for name, value in values.items():
                if value is None:
                    delattr(data, name)
                else:
                    setattr(data, name, value)

    return edit


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ((5,), r"slices are missing: 1 between 108\.00 and 112\.00 mm \(usual distance 2 mm\)"),
        ((3, 4, 8), r"slices are missing: 2 between 104\.00 and 110\.00 mm, 1 between 114\.00 and 118\.00 mm"),
        (tuple(range(2, 12)), r"has 2 slice\(s\), a volume needs 3"),
    ],
)
def test_missing_slices_are_counted_and_placed(tmp_path: Path, missing: tuple[int, ...], sentence: str) -> None:
    series = write_ct_series(tmp_path / "ct")
    write_rtstruct(tmp_path / "rs.dcm", series, {"GTV-1": ball_contours(series)}, references="none")
    for index in missing:
        series.files[index].unlink()
    with pytest.raises(DicomError, match=sentence):
        converted(tmp_path)


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (change(4, GantryDetectorTilt="12.5"), r"tilted by 12\.5 degrees according to GantryDetectorTilt"),
        (change(4, ImagePositionPatient=[-12.5, 7.25, 108.3]), r"106\.00 and 108\.30 mm, is 2\.3 mm, elsewhere 2 mm"),
        (change(4, ImagePositionPatient=[-12.5, 7.25, 110.0]), r"is another slice at the same position, 110\.00 mm"),
        (change(4, ImagePositionPatient=[-11.0, 7.25, 108.0]), r"lies 1\.5 mm beside the line of the others"),
        (change(4, ImagePositionPatient=None), r"no usable ImagePositionPatient \(0020,0032\)"),
        (change(4, ImageOrientationPatient=None), r"no usable ImageOrientationPatient \(0020,0037\)"),
        (change(4, ImageOrientationPatient=[1, 0, 0, 1, 0, 0]), r"no two perpendicular directions"),
        (change(4, PixelSpacing=None), r"no usable PixelSpacing \(0028,0030\)"),
        (change(4, PixelSpacing=[0, 0]), r"PixelSpacing \(0028,0030\) does not lie within"),
        (change(4, PixelSpacing=[1.2, 1.2]), r"differ in PixelSpacing .*1 x 1 and 1\.2 x 1\.2"),
        (change(4, RescaleSlope=None), r"no usable RescaleSlope \(0028,1053\)"),
        (change(4, RescaleSlope="0"), r"RescaleSlope \(0028,1053\) is 0"),
        (change(4, RescaleIntercept=None), r"no usable RescaleIntercept \(0028,1052\)"),
        (change(4, RescaleIntercept="0"), r"differ in RescaleSlope .*-1024\.0 and 1\.0 x 0\.0"),
        (change(4, FrameOfReferenceUID="1.2.3.4444"), r"differ in FrameOfReferenceUID .*2 values"),
        (change(4, TemporalPositionIdentifier="2"), r"differ in temporal position \(2 values, .* absent and 2\)"),
        (change(4, Rows=16, PixelData=bytes(16 * 32 * 2)), r"differ in size in voxels .*32 x 32 and 16 x 32"),
        (change(4, PhotometricInterpretation="MONOCHROME1"), r"no grey image .*MONOCHROME2"),
        (change(4, BitsAllocated=8, BitsStored=8, HighBit=7), r"is damaged or against the DICOM standard|holds"),
    ],
)  # fmt: skip
def test_a_series_that_is_no_volume_is_refused_with_the_reason(tmp_path: Path, edit: Edit, sentence: str) -> None:
    text = refusal(tmp_path, edit=edit)
    assert re.search(sentence, text), text
    assert str(tmp_path / "ct" / "IM00") in text


def test_positions_that_run_askew_give_the_angle(tmp_path: Path) -> None:
    def shear(data: Dataset, index: int) -> None:
        x, y, z = data.ImagePositionPatient
        data.ImagePositionPatient = [x, round(y + 2 * index * np.tan(np.radians(10)), 4), z]

    assert "tilted by 10.0 degrees according to its slices' positions" in refusal(tmp_path, edit=shear)


def test_a_cut_slice_is_listed_and_its_patient_refused(tmp_path: Path) -> None:
    series = with_structure(tmp_path)
    victim = series.files[3]
    victim.write_bytes(victim.read_bytes()[:-300])
    tree = read_tree(tmp_path, jobs=1)
    assert [(one.path, one.reason) for one in tree.ignored] == [(victim, "damaged")]
    with pytest.raises(DicomError, match="ends before its pixel data do; copy or export it again"):
        convert(tree.patients["H-1"], roi=None)


def test_a_cut_compressed_slice_is_noticed(tmp_path: Path) -> None:
    series = with_structure(tmp_path)
    recode(series.files[3], JPEGLSLossless)
    series.files[3].write_bytes(series.files[3].read_bytes()[:-300])
    with pytest.raises(DicomError, match="ends before its pixel data do"):
        converted(tmp_path)


def test_grey_levels_of_a_picture_are_no_ct(tmp_path: Path) -> None:
    def grey(data: Dataset, index: int) -> None:
        data.PixelData = (np.frombuffer(data.PixelData, "<u2") // 32).astype("<u2").tobytes()
        data.RescaleIntercept = "0"

    assert "look like grey levels of a picture, a CT is in HU" in refusal(tmp_path, edit=grey)


def test_nothing_returned_or_refused_names_the_patient(tmp_path: Path) -> None:
    with_structure(tmp_path, patient_id="SECRET-7")
    found = converted(tmp_path)
    assert "SECRET" not in repr((found.acquisition, found.roi, found.notes)) and "Doe" not in repr(found)
    assert not found.volume.image.GetMetaDataKeys()
    assert "SECRET" not in refusal(tmp_path / "b", patient_id="SECRET-7", edit=change(2, RescaleSlope=None))


def test_a_syntax_that_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    series = with_structure(tmp_path, transfer_syntax=JPEG2000Lossless)
    for path in series.files:
        data = pydicom.dcmread(path)
        data.file_meta.TransferSyntaxUID = HTJ2K
        data.save_as(path)
    with pytest.raises(DicomError, match=r"stored as High-Throughput JPEG 2000.*cannot be decoded here; export"):
        converted(tmp_path)


@pytest.mark.parametrize(
    ("syntax", "head", "spoiled"),
    [
        (JPEGLosslessSV1, b"\xff\xc3\x00\x0b\x10", b"\xff\xca\x00\x0b\x10"),
        (JPEGLosslessSV1, b"\x00\x20\x00\x20\x01\x01", b"\x7f\xff\x7f\xff\x01\x01"),
        (JPEGLSLossless, b"\xff\xf7\x00\x0b\x10", b"\xff\xf7\x00\x0b\x08"),
        (JPEG2000Lossless, b"\x00\x01\x0f\x01\x01\xff\x52", b"\x00\x03\x0f\x01\x01\xff\x52"),
        (JPEG2000Lossless, b"\xff\x51\x00\x29", b"\xff\x52\x00\x29"),
    ],
)
def test_a_compressed_stream_with_a_damaged_head_never_reaches_its_decoder(
    tmp_path: Path, syntax: str, head: bytes, spoiled: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    series = with_structure(tmp_path, transfer_syntax=syntax)
    content = series.files[0].read_bytes()
    assert content.count(head) == 1
    series.files[0].write_bytes(content.replace(head, spoiled))
    monkeypatch.setattr(pydicom.FileDataset, "pixel_array", property(lambda self: pytest.fail("it was decoded")))
    with pytest.raises(DicomError, match="is damaged or against the DICOM standard") as caught:
        converted(tmp_path)
    assert caught.value.path == series.files[0]
