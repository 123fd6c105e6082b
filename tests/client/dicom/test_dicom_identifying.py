"""Tags that name a patient are told, their values never."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from dicom_files import write_ct_series
from pydicom.dataset import Dataset

from client.dicom import DicomError, identifying, is_dicom


def test_identifying_tags_are_named_without_values(tmp_path: Path) -> None:
    path = write_ct_series(tmp_path, size=(8, 8, 1), patient_id="SECRET").files[0]
    found = identifying(path)
    assert found == (
        "PatientName (0010,0010)",
        "PatientID (0010,0020)",
        "PatientBirthDate (0010,0030)",
        "AccessionNumber (0008,0050)",
    )
    data = pydicom.dcmread(path)
    for keyword in ("PatientBirthDate", "AccessionNumber"):
        setattr(data, keyword, "")
    data.PatientName, data.PatientIdentityRemoved = "SECRET", "YES"
    data.save_as(path)
    assert identifying(path) == ()
    data.BurnedInAnnotation = "YES"
    request = Dataset()
    request.RequestingPhysician = "Roe^Richard"
    data.RequestAttributesSequence = [request]
    data.save_as(path)
    assert identifying(path) == ("RequestingPhysician (0032,1032)", "BurnedInAnnotation (0028,0301) is YES")


def test_what_is_no_dicom_file_is_said(tmp_path: Path) -> None:
    text = tmp_path / "a.txt"
    text.write_text("no scan")
    assert not is_dicom(text) and not is_dicom(tmp_path / "none") and not is_dicom(tmp_path)
    for path in (text, tmp_path / "none"):
        with pytest.raises(DicomError, match="is no DICOM file"):
            identifying(path)
