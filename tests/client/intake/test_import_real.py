"""Real CT with RTSTRUCT and a clinic's spreadsheet, imported and read again."""

from __future__ import annotations

import shutil
import sys
import tarfile
from pathlib import Path

import numpy as np
import openpyxl
import pytest
import SimpleITK as sitk
from phantoms import SHARED

from client.__main__ import main
from client.cohort import read_cohort
from client.site import Site, init_site
from client.volumes import read_volume

DICOM, CROPS = SHARED / "lung_dicom", SHARED / "lung_ct"
pytestmark = pytest.mark.skipif(not DICOM.is_dir(), reason="needs ../shared/data")


def spreadsheet(path: Path) -> Path:
    book = openpyxl.Workbook()
    for row in (("Lung cancer", None, None), ("Case", "PD-L1 TPS", "Age"), ("LUNG1-001", 0.8, 78.75), (2, 0.3, 61),
                (3, 0.0, "n/a")):  # fmt: skip
        book.active.append(row)
    for line in (3, 4, 5):
        book.active.cell(line, 2).number_format = "0%"
    book.active.merge_cells("A1:C1")
    book.save(path)
    return path


def imported(site: Site, *words: object) -> int:
    before, sys.argv = sys.argv, ["pdl1es-site", "import", str(site.folder), *map(str, words)]
    try:
        with pytest.raises(SystemExit) as ended:
            main()
    finally:
        sys.argv = before
    return int(ended.value.code or 0)


@pytest.mark.parametrize("cases", [("pat_2", "pat_3"), pytest.param(("LUNG1-001", "pat_2"), marks=pytest.mark.slow)])
def test_real_patients(tmp_path: Path, cases: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    for name in cases:
        if name == "LUNG1-001":
            with tarfile.open(DICOM / "LUNG1-001.tar.xz") as archive:
                archive.extractall(tmp_path / "hospital", filter="data")
        else:
            shutil.copytree(DICOM / name, tmp_path / "hospital" / name)
    site = init_site(tmp_path / "site", name="Real")
    table = spreadsheet(tmp_path / "clinic.xlsx")
    words = ("--dicom", tmp_path / "hospital", "--clinical", table, "--roi", "gtv-1", "--jobs", 1)
    assert imported(site, *words) == 0, capsys.readouterr().err
    patients = read_cohort(site).patients
    assert len(patients) == 2
    for image, mask, tps in zip(patients["image"], patients["mask"], patients["tps"], strict=True):
        folder = {80: "LUNG1-001", 30: "PAT2", 0: "PAT3"}[tps]
        volume = read_volume(site.folder / image, site.folder / mask)
        theirs = sitk.ReadImage(str(next((CROPS / folder).glob("image*"))))
        drawn = sitk.ReadImage(str(CROPS / folder / "mask_GTV-1.nii.gz"))
        index = volume.image.TransformPhysicalPointToIndex(theirs.GetOrigin())
        ours, marked = (
            sitk.GetArrayFromImage(sitk.RegionOfInterest(one, theirs.GetSize(), index))
            for one in (volume.image, volume.mask)
        )
        assert np.array_equal(ours, sitk.GetArrayFromImage(theirs))
        other = sitk.GetArrayFromImage(drawn) > 0
        assert 2 * np.count_nonzero((marked > 0) & other) / (np.count_nonzero(marked) + other.sum()) > 0.97
        assert np.count_nonzero(marked) == np.count_nonzero(sitk.GetArrayViewFromImage(volume.mask))
