"""Folders of DICOM in any layout: whose file is whose, what takes no part, what is the same."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pydicom
import pytest
from dicom_files import ball_contours, write_ct_series, write_rtstruct
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, MRImageStorage

from client.dicom import DicomError, convert, fingerprint, is_dicom, read_tree
from client.dicom.instances import kept_once
from client.workers import WorkerDied
from common.errors import DataError


def patient(root: Path, name: str) -> None:
    series = write_ct_series(root / "ct", patient_id=name, size=(8, 8, 4))
    write_rtstruct(root / "rs.dcm", series, {"GTV": ball_contours(series, radius_mm=3)})


def reasons(root: Path, **options: object) -> dict[str, str]:
    return {str(one.path.relative_to(root)): one.reason for one in read_tree(root, jobs=1, **options).ignored}  # type: ignore[arg-type]


def test_patients_are_told_apart_by_tag_in_any_layout(tmp_path: Path) -> None:
    for name in ("P 1", "P2"):
        patient(tmp_path / f"from-{name}" / "deep", name)
    mixed = tmp_path / "all in one"
    mixed.mkdir()
    for index, path in enumerate(sorted(tmp_path.rglob("*.dcm"))):
        shutil.move(path, mixed / f"{index:08d}")
    tree = read_tree(tmp_path, jobs=1)
    assert list(tree.patients) == ["P 1", "P2"] and tree.files == 10 and not tree.ignored
    for files in tree.patients.values():
        assert convert(pickle.loads(pickle.dumps(files)), roi=None).volume.image.GetSize() == (8, 8, 4)


def test_workers_read_the_same_as_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    patient(tmp_path / "a", "P1")
    patient(tmp_path / "b", "P2")
    (tmp_path / "b" / "note.txt").write_text("x")
    alone = read_tree(tmp_path, jobs=1)
    monkeypatch.setattr("client.dicom.tree.PORTION", 4)
    assert read_tree(tmp_path, jobs=2) == alone


def test_what_slices_have_in_common_is_in_memory_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    patient(tmp_path, "P1")
    monkeypatch.setattr("client.dicom.tree.PORTION", 2)
    first, *others = read_tree(tmp_path, jobs=2).patients["P1"].ct
    for other in others:
        assert other.series_uid is first.series_uid
        assert other.frames[0].orientation is first.frames[0].orientation
        assert other.sop_uid != first.sop_uid and other.frames[0].position != first.frames[0].position
    first_frame = replace(first.frames[0], orientation=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0))
    turned = replace(first_frame, orientation=(1.0, -0.0, 0.0, 0.0, 1.0, 0.0))
    known: dict[str, Any] = {}
    kept = [kept_once(replace(first, frames=(frame,)), known) for frame in (first_frame, turned)]
    assert [repr(one.frames[0]) for one in kept] == [repr(first_frame), repr(turned)]


def test_a_worker_that_dies_costs_the_guilty_file_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    patient(tmp_path, "P1")
    guilty = tmp_path / "ct" / "IM0002.dcm"

    def dying(function: Callable[[object], object], tasks: Sequence[object], *, jobs: int) -> Iterator[object]:
        for index, task in enumerate(tasks):
            given = task if isinstance(task, tuple) else (task,)
            yield index, WorkerDied("SIGSEGV") if guilty in given else function(task)

    monkeypatch.setattr("client.dicom.tree.PORTION", 2)
    monkeypatch.setattr("client.dicom.tree.run_in_workers", dying)
    tree = read_tree(tmp_path, jobs=2)
    assert [(one.path, one.reason) for one in tree.ignored] == [(guilty, "damaged")]
    assert len(tree.patients["P1"].ct) == 3 and len(tree.patients["P1"].masks) == 1


def test_the_folder_names_the_patient_when_asked(tmp_path: Path) -> None:
    patient(tmp_path / "H001" / "x", "")
    patient(tmp_path / "H002", "same")
    patient(tmp_path / "H003", "same")
    stray = write_ct_series(tmp_path, size=(8, 8, 1)).files[0]
    tree = read_tree(tmp_path, patient_from="folder", jobs=1)
    assert list(tree.patients) == ["H001", "H002", "H003"]
    assert [(one.path, one.reason) for one in tree.ignored] == [(stray, "in no patient's folder")]


def test_files_that_take_no_part_say_why(tmp_path: Path) -> None:
    series = write_ct_series(tmp_path / "ct", size=(8, 8, 3))
    other = pydicom.dcmread(series.files[0])
    for name, values in {
        "mr": {"SOPClassUID": MRImageStorage, "Modality": "MR"},
        "pet": {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.128", "Modality": "PT"},
        "dose": {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.481.2", "Modality": "RTDOSE"},
        "shot": {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7", "Modality": "CT"},
        "nobody": {"PatientID": ""},
    }.items():
        copy = deepcopy(other)
        copy.SOPInstanceUID = pydicom.uid.generate_uid()
        for keyword, value in values.items():
            setattr(copy, keyword, value)
        copy.save_as(tmp_path / name)
    (tmp_path / "empty.dcm").touch()
    (tmp_path / "cut.dcm").write_bytes(series.files[0].read_bytes()[:180])
    (tmp_path / "noise.bin").write_bytes(bytes(range(256)) * 4)
    (tmp_path / "readme.txt").write_text("not a scan")
    (tmp_path / "dangling").symlink_to(tmp_path / "gone")
    (tmp_path / "round").symlink_to(tmp_path)
    shutil.copy(series.files[1], tmp_path / "again.dcm")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "DICOMDIR").write_bytes(_directory())
    assert reasons(tmp_path) == {
        "mr": "MR, not CT",
        "pet": "PT, not CT",
        "dose": "RTDOSE, not CT",
        "shot": "another object, not a CT image",
        "nobody": "no PatientID (0010,0020)",
        "empty.dcm": "empty file",
        "cut.dcm": "damaged",
        "noise.bin": "no DICOM file",
        "readme.txt": "no DICOM file",
        "dangling": "cannot be read",
        "round": "a link to a folder read already",
        "ct/IM0002.dcm": "a copy of another file",
        "pipe": "no ordinary file",
        "DICOMDIR": "DICOMDIR",
    }


def _directory() -> bytes:
    data = Dataset()
    data.FileSetID = "X"
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    data.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    buffer = pydicom.filebase.DicomBytesIO()
    data.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


@pytest.mark.parametrize("implicit", [True, False])
def test_files_without_preamble_are_taken(tmp_path: Path, implicit: bool) -> None:
    patient(tmp_path, "P1")
    for path in (tmp_path / "ct").iterdir():
        data = pydicom.dcmread(path)
        data.remove_private_tags()
        bare = Dataset(data)
        bare.save_as(path, implicit_vr=implicit, little_endian=True)
        assert path.read_bytes()[128:132] != b"DICM" and is_dicom(path)
    (files,) = read_tree(tmp_path, jobs=1).patients.values()
    assert convert(files, roi=None).volume.image.GetSize() == (8, 8, 4)


def test_deflated_files_are_taken(tmp_path: Path) -> None:
    patient(tmp_path, "P1")
    for path in (tmp_path / "ct").iterdir():
        data = pydicom.dcmread(path)
        data.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        data.save_as(path)
    (files,) = read_tree(tmp_path, jobs=1).patients.values()
    assert convert(files, roi=None).volume.image.GetSize() == (8, 8, 4)


def test_one_instance_in_two_files_that_differ_refuses_the_patient(tmp_path: Path) -> None:
    patient(tmp_path, "P1")
    source = tmp_path / "ct" / "IM0002.dcm"
    data = pydicom.dcmread(source)
    data.PixelData = bytes(len(data.PixelData))
    data.save_as(tmp_path / "z.dcm")
    tree = read_tree(tmp_path, jobs=1)
    assert [(one.path.name, one.reason) for one in tree.ignored] == [("z.dcm", "a copy of another file")]
    with pytest.raises(
        DicomError, match=r"IM0002\.dcm: another file carries the same SOPInstanceUID \(0008,0018\) and"
    ):
        convert(tree.patients["P1"], roi=None)


def test_a_copy_with_another_comment_is_a_copy(tmp_path: Path) -> None:
    patient(tmp_path, "P1")
    data = pydicom.dcmread(tmp_path / "ct" / "IM0002.dcm")
    data.ImageComments = "exported again"
    data.save_as(tmp_path / "z.dcm")
    tree = read_tree(tmp_path, jobs=1)
    assert [one.reason for one in tree.ignored] == ["a copy of another file"]
    assert convert(tree.patients["P1"], roi=None).notes == ()


def test_mask_volumes_go_to_the_patient_of_their_folder(tmp_path: Path) -> None:
    for name in ("P1", "P2"):
        patient(tmp_path / name, name)
    places = {"P1/mask.nii.gz": "P1", "P2/masks/left/a.nrrd": "P2", "P1/ct/b.nii": "P1", "c.nii": None, "m/d.nii": None}
    for place in places:
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_bytes(b"x")
    tree = read_tree(tmp_path, jobs=1)
    owners = {
        str(one.path.relative_to(tmp_path)): name
        for name, files in tree.patients.items()
        for one in files.masks
        if one.kind == "volume"
    }
    assert owners == {place: name for place, name in places.items() if name}
    assert {one.reason for one in tree.ignored} == {"belongs to no patient with DICOM files"}


def test_a_root_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is no folder"):
        read_tree(tmp_path / "none", jobs=1)


def test_the_fingerprint_follows_the_content_only(tmp_path: Path) -> None:
    patient(tmp_path / "a", "P1")

    def now(root: Path) -> str:
        return fingerprint(read_tree(root, jobs=1).patients["P1"])

    first = now(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b" / "elsewhere")
    for index, path in enumerate(sorted((tmp_path / "b").rglob("*.dcm"), reverse=True)):
        path.rename(path.with_name(f"{index}"))
    assert now(tmp_path / "b") == first and len(first) == 64
    (tmp_path / "a" / "mask.nii").write_bytes(b"1")
    second = now(tmp_path / "a")
    (tmp_path / "a" / "mask.nii").write_bytes(b"2")
    assert len({first, second, now(tmp_path / "a")}) == 3
    (tmp_path / "a" / "mask.nii").unlink()
    (tmp_path / "a" / "ct" / "IM0001.dcm").unlink()
    assert now(tmp_path / "a") not in (first, second)


def test_a_lost_file_is_an_error_in_a_sentence(tmp_path: Path) -> None:
    patient(tmp_path, "P1")
    files = read_tree(tmp_path, jobs=1).patients["P1"]
    shutil.rmtree(tmp_path / "ct")
    with pytest.raises(DicomError, match="cannot be read") as caught:
        convert(files, roi=None)
    assert pickle.loads(pickle.dumps(caught.value)).path == caught.value.path
    (tmp_path / "rs.dcm").unlink()
    with pytest.raises(DicomError, match="cannot be read"):
        fingerprint(files)


def test_a_damaged_value_reaches_neither_log_nor_warnings(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    patient(tmp_path, "P1")
    structure = tmp_path / "rs.dcm"
    uid = pydicom.dcmread(structure).ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0]
    series = uid.RTReferencedSeriesSequence[0].SeriesInstanceUID
    spoiled = structure.read_bytes().replace(str(series).encode(), str(series).encode()[:-8] + b"Doe^Jane")
    structure.write_bytes(spoiled)
    recwarn.clear()
    caplog.clear()
    with pytest.raises(DicomError, match=r"was drawn on series \.\.\.\?{8}, the CT here"):
        convert(read_tree(tmp_path, jobs=1).patients["P1"], roi=None)
    assert not caplog.records and not [one for one in recwarn if "Doe" in str(one.message)]


@pytest.mark.parametrize("kind", ["empty", "cut", "mark"])
def test_a_spoiled_file_among_the_slices_refuses_the_patient(tmp_path: Path, kind: str) -> None:
    patient(tmp_path, "P1")
    extra = tmp_path / "ct" / "IM0005.dcm"
    content = (tmp_path / "ct" / "IM0001.dcm").read_bytes()
    extra.write_bytes({"empty": b"", "cut": content[:180], "mark": content[:128] + b"XXXX" + content[132:]}[kind])
    (tmp_path / "ct" / "readme.txt").write_text("not a scan")
    tree = read_tree(tmp_path, jobs=1)
    assert [one.path for one in tree.spoiled] == [extra]
    with pytest.raises(DicomError, match=r"IM0005\.dcm: is damaged, empty or unreadable .*; send it again, or remove"):
        convert(tree.patients["P1"], roi=None)
    sealed = fingerprint(tree.patients["P1"])
    extra.unlink()
    after = read_tree(tmp_path, jobs=1).patients["P1"]
    assert fingerprint(after) != sealed
    assert convert(after, roi=None).volume.image.GetSize() == (8, 8, 4)


def test_a_spoiled_file_in_a_folder_of_several_patients_is_said_and_refuses_nobody(tmp_path: Path) -> None:
    patient(tmp_path / "a", "P1")
    patient(tmp_path / "b", "P2")
    flat = tmp_path / "flat"
    flat.mkdir()
    for number, file in enumerate(sorted([*tmp_path.glob("a/**/*.dcm"), *tmp_path.glob("b/**/*.dcm")])):
        file.rename(flat / f"{number:03d}.dcm")
    (flat / "999.dcm").write_bytes(b"")
    tree = read_tree(flat, jobs=1)
    assert [one.path.name for one in tree.spoiled] == ["999.dcm"]
    assert {name: files.spoiled for name, files in tree.patients.items()} == {"P1": (), "P2": ()}


def test_one_series_under_two_patient_ids_in_a_folder_is_refused(tmp_path: Path) -> None:
    patient(tmp_path / "H001", "P1")
    source = tmp_path / "H001" / "ct" / "IM0003.dcm"
    data = pydicom.dcmread(source)
    data.PatientID = "P2"
    data.save_as(source)
    (files,) = read_tree(tmp_path, patient_from="folder", jobs=1).patients.values()
    with pytest.raises(DicomError, match=r"holds slices of more than one PatientID") as caught:
        convert(files, roi=None)
    assert "P2" not in caught.value.reason
