"""What in a site's folder names a patient, and what does not."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import pydicom
import pytest
import SimpleITK as sitk
from chest import chest, write_site
from preflight_runs import Run
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from client.preflight.image_headers import header_texts
from client.preflight.private_text import holds_day, holds_person, looks_like_name, looks_like_surname

pytestmark = pytest.mark.usefixtures("no_pictures")


def write_dicom(path: Path, **tags: str) -> None:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID, data.Modality = CTImageStorage, meta.MediaStorageSOPInstanceUID, "CT"
    for name, value in tags.items():
        setattr(data, name, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    pydicom.dcmwrite(path, data)


def write_descrip(path: Path, text: str, *, field: tuple[int, int] = (148, 80)) -> None:
    """Overwrite a text field of a NIfTI-1 header."""
    start, length = field
    data = bytearray(gzip.decompress(path.read_bytes()))
    data[start : start + length] = text.encode().ljust(length, b"\0")
    path.write_bytes(gzip.compress(bytes(data)))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return write_site(tmp_path / "site", {f"p{seed}": chest(seed) for seed in range(2)})


def test_a_clean_folder(site: Path, run_check: Run) -> None:
    write_dicom(site / "images" / "p0" / "1.dcm", PatientName="p0", PatientID="p0", PatientIdentityRemoved="YES")
    ended = run_check(site)
    names = ("DICOM files", "Image headers", "File names", "Pseudonyms")
    assert [ended.state(name) for name in names] == ["ok"] * 4
    assert ended.check("DICOM files")["found"] == "1 DICOM file without a tag that identifies a patient"


def test_dicom_tags_fail_and_no_value_is_repeated(site: Path, run_check: Run) -> None:
    for number in range(3):
        tags = {"PatientName": "Muster^Hanna", "PatientBirthDate": "19510203"}
        write_dicom(site / "raw" / "series" / f"{number}.dcm", **tags)
    write_dicom(site / "images" / "burned", BurnedInAnnotation="YES")
    ended = run_check(site)
    found = ended.check("DICOM files")
    assert (ended.code, found["state"]) == (1, "failed")
    assert "PatientName (0010,0010) in 3" in found["found"]
    assert "BurnedInAnnotation" in found["found"]
    assert [item["file"] for item in found["items"]] == ["images", "raw/series"]
    page = (site / "results" / "check" / "report.html").read_text()
    assert "Muster" not in ended.out + page
    assert "19510203" not in ended.out + page


@pytest.mark.parametrize("place", ["cache", "results", "federation"])
def test_what_the_site_itself_keeps_is_not_looked_at(site: Path, run_check: Run, place: str) -> None:
    write_dicom(site / place / "1.dcm", PatientName="Muster^Hanna")
    assert run_check(site).state("DICOM files") == "ok"


def test_a_damaged_dicom_file_is_said(site: Path, run_check: Run) -> None:
    write_dicom(site / "images" / "1.dcm", PatientComments="x" * 400)
    data = (site / "images" / "1.dcm").read_bytes()
    (site / "images" / "1.dcm").write_bytes(data[:-300])
    assert run_check(site).state("DICOM files") in ("warning", "failed")


@pytest.mark.parametrize(
    ("text", "field", "state"),
    [
        ("TE=0;Time=114409.000", (148, 80), "ok"),
        ("exported 2019-04-03", (148, 80), "warning"),
        ("Muster^Hanna", (148, 80), "failed"),
        ("Muster^Hanna", (14, 18), "failed"),
        ("Muster^Hanna", (228, 24), "failed"),
        ("03.04.1951", (328, 16), "warning"),
    ],
)
def test_text_in_nifti_headers(site: Path, run_check: Run, text: str, field: tuple[int, int], state: str) -> None:
    write_descrip(site / "images" / "p1_image.nii.gz", text, field=field)
    ended = run_check(site)
    assert ended.state("Image headers") == state
    assert ended.code == (1 if state == "failed" else 0)
    if state != "ok":
        assert ended.check("Image headers")["items"][0]["file"] == "images/p1_image.nii.gz"
        assert text not in ended.out


def test_key_value_pairs_of_nrrd(tmp_path: Path, run_check: Run) -> None:
    volume = chest(0)
    sitk.Image.SetMetaData(volume.image, "DICOM_0010_0010", "Muster Hanna")
    folder = tmp_path / "site"
    files = folder / "images" / "a.nrrd", folder / "images" / "m.nrrd"
    files[0].parent.mkdir(parents=True)
    for image, path in zip((volume.image, volume.mask), files, strict=True):
        sitk.WriteImage(image, str(path))
    ended = run_check(write_site(folder, {"a": files, "b": chest(1)}))
    assert (ended.code, ended.state("Image headers")) == (1, "failed")
    assert "Muster" not in ended.out
    assert "DICOM_0010_0010" in ended.check("Image headers")["items"][0]["what"]


def test_a_dicom_header_behind_a_nifti_header(site: Path, run_check: Run) -> None:
    path = site / "images" / "p1_image.nii.gz"
    data = bytearray(gzip.decompress(path.read_bytes()))
    extension = (32).to_bytes(4, "little") + (2).to_bytes(4, "little") + b"anything".ljust(24, b"\0")
    data[348:352] = b"\1\0\0\0"
    offset = 352 + len(extension)
    data[108:112] = struct.pack("<f", offset)
    path.write_bytes(gzip.compress(bytes(data[:352]) + extension + bytes(data[352:])))
    assert "DICOM header" in header_texts(path)
    ended = run_check(site)
    assert (ended.state("CT and mask"), ended.state("Image headers")) == ("ok", "failed")


@pytest.mark.parametrize("name", ["Muster_Hanna_ct.nii.gz", "ct_19510203.nii.gz", "Muster^Hanna.nrrd"])
def test_file_names(site: Path, run_check: Run, name: str) -> None:
    (site / "images" / name).write_bytes(b"")
    ended = run_check(site)
    assert (ended.state("File names"), ended.code) == ("warning", 0)


@pytest.mark.parametrize("name", ["Hanna Muster", "Muster", "19510203", "03.02.1951", "MUSTER^HANNA"])
def test_patient_ids(tmp_path: Path, run_check: Run, name: str) -> None:
    ended = run_check(write_site(tmp_path / "site", {name: chest(0), "p1": chest(1)}))
    assert ended.state("Pseudonyms") == "warning"
    assert [item["row"] for item in ended.check("Pseudonyms")["items"]] == [2]


@pytest.mark.parametrize(
    "name",
    [
        "A17",
        "p0",
        "LUNG1-001",
        "PYRAD-lung1",
        "Patient_01",
        "Lung_CT_12",
        "sub-0031",
        "STS_002",
        "20991",
        "swap",
        "Site A 3",
    ],
)
def test_pseudonyms_are_left_alone(name: str) -> None:
    assert not (holds_person(name) or looks_like_name(name) or looks_like_surname(name) or holds_day(name))


def test_days_are_days() -> None:
    assert all(holds_day(text) for text in ("1999-12-31", "31.12.99", "scan 20200229 x", "3/4/2019"))
    assert not any(holds_day(text) for text in ("1.2.826.0.1.3680043", "29991231", "20201350", "0.7.1", "12345678901"))
