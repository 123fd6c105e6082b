"""`pdl1es-site import`: what it writes, what it says, what it keeps, and that no identifier comes along."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from commands import call
from dicom_files import CtSeries, ball_contours, ball_mask, write_ct_series, write_rtstruct, write_seg

from client.__main__ import main
from client.cohort import read_cohort
from client.intake import patient_import
from client.intake.conversion import CannotWrite
from client.site import COHORT_COLUMNS, init_site, load_site
from client.volumes import read_volume
from client.workers import WorkerDied

ROOT = Path(__file__).parents[3]
SPREADSHEET = """\
Export of the lung clinic;;;;;
Fallnummer;PD-L1 TPS (%);Alter;Geschlecht;Raucher;Bemerkung
H-1001;70%;63,5;m;never;none
H-1002;5;58;w;ex;Frau Muster
3003;<1;70;m;never;
H-1004;20;70;m;never;
H-1005;20;50;f;;
H-1006;20;50;f;;
"""

Run = Callable[..., tuple[int, str, str]]


def in_this_process(function: Callable[[Any], Any], tasks: Sequence[Any], *, jobs: int) -> Iterator[tuple[int, Any]]:
    """What workers do, without their start of seconds."""
    for index, task in enumerate(tasks):
        yield index, function(task)


@pytest.fixture
def no_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient_import, "run_in_workers", in_this_process)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*words: object) -> tuple[int, str, str]:
        return call(main, "pdl1es-site", capsys, *words)

    return command


def write_patient(tree: Path, patient_id: str, *, size: tuple[int, int, int] = (32, 32, 12)) -> CtSeries:
    """CT with an RTSTRUCT of the tumour and of a second, larger structure."""
    series = write_ct_series(tree / f"folder of {patient_id}" / "CT", patient_id=patient_id, size=size)
    rois = {"GTV-1": ball_contours(series), "Lung": ball_contours(series, radius_mm=9)}
    write_rtstruct(tree / f"folder of {patient_id}" / "structures.dcm", series, rois)
    return series


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Six patients: two good, one with a bad row, one without tumour, one with a gap, one without a row."""
    root = tmp_path / "hospital"
    write_patient(root, "H-1001")
    second = write_ct_series(root / "folder of H-1002", patient_id="H-1002", kernel="B50f")
    write_seg(root / "folder of H-1002" / "seg.dcm", second, {"GTV": ball_mask(second)})
    write_patient(root, "003003")
    fourth = write_ct_series(root / "folder of H-1004", patient_id="H-1004")
    write_rtstruct(
        root / "folder of H-1004" / "lungs.dcm",
        fourth,
        {"Lung Meier": ball_contours(fourth), "Heart": ball_contours(fourth)},
    )
    fifth = write_patient(root, "H-1005")
    fifth.files[4].unlink()
    write_patient(root, "H-1007")
    (root / "notes.txt").write_text("Doe, Jane")
    return root


@pytest.fixture
def table(tmp_path: Path) -> Path:
    (tmp_path / "clinic.csv").write_text(SPREADSHEET, "latin-1")
    return tmp_path / "clinic.csv"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    init_site(tmp_path / "site", name="Test hospital")
    return tmp_path / "site"


def results(site: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((site / "results" / "import" / "results.json").read_text())
    return content


def pseudonyms(site: Path) -> list[str]:
    return list(read_cohort(load_site(site)).patients.index)


def test_the_good_are_imported_and_the_sick_are_named(site: Path, tree: Path, table: Path, run: Run) -> None:
    code, out, err = run("import", site, "--dicom", tree, "--clinical", table, "--jobs", 2)
    assert code == 0
    assert f"Next: pdl1es-site check {site}" in out
    assert "clinic.csv is read as UTF-8, separated by semicolon" in out
    assert "1 column(s) not used: Bemerkung" in out
    assert "1 with CT, without a row: H-1007" in out
    assert "1 with a row, without CT: H-1006" in out
    assert "1 id(s) without leading zeros in the spreadsheet matched: 003003" in out
    lines = err.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("row 5: patient 003003: tps (column PD-L1 TPS (%)) is '<1', it is a range")
    assert lines[1].startswith(f"row 6: patient H-1004: {tree / 'folder of H-1004' / 'lungs.dcm'}: ")
    assert '"Lung Meier"' in lines[1]
    assert "slices are missing" in lines[2]
    found = results(site)
    assert found["patients"] == {
        "in_files": 6, "in_table": 6, "new": 2, "changed": 0, "unchanged": 0, "rows_brought_up_to_date": 0,
        "quarantined": 3, "without_row": 1, "without_ct": 1, "no_longer_in_files": 0, "in_cohort": 2,
    }  # fmt: skip
    assert found["ignored_files"] == {"no DICOM file": 1}
    assert sorted(one["row"] for one in found["quarantined"]) == [5, 6, 7]


@pytest.mark.usefixtures("no_workers")
def test_the_table_and_the_volumes(site: Path, tree: Path, table: Path, run: Run) -> None:
    run("import", site, "--dicom", tree, "--clinical", table)
    patients = read_cohort(load_site(site)).patients
    assert len(patients) == 2
    assert all(re.fullmatch("P[0-9a-f]{16}", name) for name in patients.index)
    first = patients[patients["tps"] == 70].iloc[0]
    assert (first["age"], first["sex"], first["smoking"], first["cohort"]) == (63.5, "male", "never", "expression")
    second = patients[patients["tps"] == 5].iloc[0]
    assert (second["sex"], second["smoking"], second["convolution_kernel"]) == ("female", "occasionally", "B50f")
    assert (second["manufacturer"], second["tube_current_ma"], second["slice_thickness_mm"]) == ("SIEMENS", 210, 2)
    volume = read_volume(site / second["image"], site / second["mask"])
    source = pydicom.dcmread(tree / "folder of H-1002" / "IM0012.dcm")
    assert volume.image.GetOrigin() == pytest.approx(source.ImagePositionPatient)
    lowest = sitk.GetArrayFromImage(volume.image)[0]
    assert np.array_equal(lowest, source.pixel_array.astype(int) - 1024)
    assert volume.mask.GetSpacing() == pytest.approx((1, 1, 2))


def secrets_of(tree: Path) -> set[bytes]:
    """Every identifier, name, date and UID in the DICOM files, and every name of a file or folder."""
    found = {"Doe^Jane", "Doe, Jane", "19550101", "Frau Muster", "Lung Meier", str(tree.parent), "clinic.csv"}
    for path in tree.rglob("*"):
        found |= {path.name, str(path)}
        if path.suffix == ".dcm":
            data = pydicom.dcmread(path, stop_before_pixels=True)
            elements = [one for one in data.iterall() if one.VR in ("UI", "DA", "PN", "LO")]
            values = {str(one.value) for one in elements if not one.keyword.endswith(("Manufacturer", "RescaleType"))}
            found |= {value for value in values if not value.startswith("1.2.840.10008")}
            found |= {value[-8:] for value in values if len(value) > 30}
    return {one.encode() for one in found if len(one) > 5 and one not in ("SIEMENS", "seg.dcm")}


def test_no_identifier_reaches_the_site_folder(site: Path, tree: Path, table: Path, run: Run, no_workers: None) -> None:
    run("import", site, "--dicom", tree, "--clinical", table)
    run("import", site, "--dicom", tree, "--clinical", table, "--roi", "GTV")
    secrets = secrets_of(tree)
    assert {b"H-1001", b"003003", b"20240424", b"Doe^Jane"} <= secrets
    for path in site.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        if path.suffix == ".gz":
            content += gzip.decompress(content)
        text = str(path.relative_to(site)).encode() + content
        assert [one for one in secrets if one in text] == []
    for name in ("pseudonym.key", "intake.json"):
        assert stat.S_IMODE((site / name).stat().st_mode) == 0o600


@pytest.mark.usefixtures("no_workers")
def test_again_does_only_what_is_new_or_changed(site: Path, tree: Path, table: Path, run: Run) -> None:
    words = ("import", site, "--dicom", tree, "--clinical", table)
    run(*words)
    names, before = pseudonyms(site), {path: path.stat().st_mtime_ns for path in site.glob("images/*")}
    cohort = (site / "cohort.csv").read_bytes()
    run(*words)
    assert {path: path.stat().st_mtime_ns for path in site.glob("images/*")} == before
    assert (site / "cohort.csv").read_bytes() == cohort
    counts = results(site)["patients"]
    assert (counts["new"], counts["changed"], counts["unchanged"]) == (0, 0, 2)

    table.write_text(SPREADSHEET.replace("3003;<1", "3003;1").replace("H-1002;5;58", "H-1002;6;58"))
    _, out, _ = run(*words)
    counts = results(site)["patients"]
    assert (counts["new"], counts["unchanged"], counts["rows_brought_up_to_date"]) == (1, 2, 1)
    assert "1 row(s) of unchanged patients brought up to date" in out
    assert sorted(read_cohort(load_site(site)).patients["tps"]) == [1, 6, 70]
    assert set(names) < set(pseudonyms(site))
    assert pseudonyms(site) == sorted(pseudonyms(site))

    _, out, err = run(*words, "--roi", "lung.*")
    counts = results(site)["patients"]
    assert (counts["new"], counts["changed"], counts["unchanged"], counts["in_cohort"]) == (1, 2, 0, 4)
    assert "converted again: 2 for another --roi" in out
    assert "row 4: patient H-1002" in err
    assert "(cohort.csv keeps what an earlier import wrote)" in err


@pytest.mark.usefixtures("no_workers")
def test_changed_lost_and_vanished_files(site: Path, tree: Path, table: Path, run: Run) -> None:
    words = ("import", site, "--dicom", tree, "--clinical", table)
    run(*words)
    first, second = (run("pseudonym", site, name)[1].split()[1] for name in ("H-1001", "H-1002"))
    assert {first, second} == set(pseudonyms(site))
    (site / "images" / f"{first}_mask.nii.gz").unlink()
    (tree / "folder of H-1002" / "seg.dcm").unlink()
    series = CtSeries(
        tuple(sorted((tree / "folder of H-1002").glob("IM*"))[::-1]), "", "", "", np.zeros((12, 32, 32)), ""
    )
    write_seg(tree / "folder of H-1002" / "new.dcm", series, {"GTV": ball_mask(series, radius_mm=4)})
    _, out, _ = run(*words)
    assert "converted again: 1 for images missing or altered in the site folder, 1 for other files" in out
    assert (site / "images" / f"{first}_mask.nii.gz").exists()
    assert results(site)["changed"] == {"images missing or altered in the site folder": 1, "other files": 1}

    (tree / "folder of H-1001").rename(tree.parent / "elsewhere")
    code, out, _ = run(*words)
    assert code == 0
    assert f"1 patient(s) of earlier imports are not in these files and stay in the cohort: {first}" in out
    assert set(pseudonyms(site)) == {first, second}


@pytest.mark.usefixtures("no_workers")
def test_rows_from_elsewhere_and_own_columns_stay(site: Path, tree: Path, table: Path, run: Run) -> None:
    foreign = 'own-1 ,expression,images/a.nii.gz,"images/b.nii.gz",60' + "," * 12 + ",a note\r\n"
    header = "\ufeff" + ",".join(COHORT_COLUMNS) + ",remark\r\n"
    (site / "cohort.csv").write_text(header + foreign + "\r\n" + foreign.replace("own-1", "own-2").rstrip(), newline="")
    run("import", site, "--dicom", tree, "--clinical", table)
    text = (site / "cohort.csv").read_bytes().decode()
    assert text.startswith(header + foreign + "\r\n" + foreign.replace("own-1", "own-2"))
    assert text.count("\r\n") == text.count("\n") == 6
    text = text.replace(",70,63.5,male,never,,,,,,SIEMENS", ",70,63.5,male,never,,,,,training,SIEMENS")
    (site / "cohort.csv").write_text(text, newline="")
    table.write_text(SPREADSHEET.replace("70%;63,5", "71;63,5"))
    run("import", site, "--dicom", tree, "--clinical", table)
    after = (site / "cohort.csv").read_bytes().decode()
    assert after == text.replace(",70,63.5,", ",71,63.5,")
    assert ",71,63.5,male,never,,,,,training,SIEMENS" in after


@pytest.mark.usefixtures("no_workers")
def test_the_key_is_guarded(site: Path, tree: Path, table: Path, run: Run) -> None:
    words = ("import", site, "--dicom", tree, "--clinical", table)
    code, _, err = run("pseudonym", site, "H-1001")
    assert code == 1
    assert "bring it back from a backup" in err
    run(*words)
    key, text = site / "pseudonym.key", (site / "pseudonym.key").read_text()
    key.chmod(0o640)
    code, _, err = run(*words)
    assert (code, "chmod 600" in err) == (1, True)
    key.chmod(0o600)
    key.write_text("abc")
    assert "is no key of 64 hexadecimal digits" in run(*words)[2]
    key.write_text("0" * 64)
    assert "is not the key that made the pseudonyms" in run(*words)[2]
    key.unlink()
    for ledger in (True, False):
        code, _, err = run(*words)
        assert (code, ledger, "2 patient(s)" in err) == (1, ledger, True)
        assert err.count("\n") == 1
        assert not key.exists()
        (site / "intake.json").unlink(missing_ok=True)
    key.write_text(text)
    key.chmod(0o600)
    names = pseudonyms(site)
    assert run(*words)[0] == 0
    assert pseudonyms(site) == names
    (site / "intake.json").write_text("{")
    assert "intake.json: is damaged" in run(*words)[2]


def test_ctrl_c_keeps_what_was_done(
    site: Path, tree: Path, table: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(function: Callable[[Any], Any], tasks: Sequence[Any], *, jobs: int) -> Iterator[tuple[int, Any]]:
        yield 0, function(tasks[0])
        raise KeyboardInterrupt

    words = ("import", site, "--dicom", tree, "--clinical", table)
    monkeypatch.setattr(patient_import, "run_in_workers", stopped)
    code, _, err = run(*words)
    assert (code, err) == (130, "interrupted; what was computed is kept\n")
    assert len(pseudonyms(site)) == 1
    (site / "images" / ".import-left").mkdir()
    monkeypatch.setattr(patient_import, "run_in_workers", in_this_process)
    assert run(*words)[0] == 0
    counts = results(site)["patients"]
    assert (counts["new"], counts["unchanged"]) == (1, 1)
    assert not list(site.glob("images/.*"))


def test_a_worker_that_dies_costs_one_patient_and_a_full_disk_the_run(
    site: Path, tree: Path, table: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: dict[int, Any] = {0: WorkerDied("SIGSEGV")}

    def some_die(function: Callable[[Any], Any], tasks: Sequence[Any], *, jobs: int) -> Iterator[tuple[int, Any]]:
        yield from ((index, answers.get(index) or function(task)) for index, task in enumerate(tasks))

    words = ("import", site, "--dicom", tree, "--clinical", table)
    monkeypatch.setattr(patient_import, "run_in_workers", some_die)
    code, _, err = run(*words)
    assert code == 0
    assert "patient H-1001: the process that computed it died (SIGSEGV)" in err
    assert results(site)["patients"]["new"] == 1
    answers[0] = CannotWrite("images: cannot be written (No space left on device)")
    code, _, err = run(*words)
    assert code == 1
    assert err.startswith("error: images: cannot be written (No space left on device); make room or permit it, then")
    assert err.count("\n") == 1
    assert len(pseudonyms(site)) == 1


@pytest.mark.usefixtures("no_workers")
def test_a_full_disk_is_one_sentence(
    site: Path, tree: Path, table: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=20_000))
    code, _, err = run("import", site, "--dicom", tree, "--clinical", table)
    assert code == 1
    assert err.startswith(f"error: {site / 'images'}: cannot be written (no space left on the disk")
    assert err.count("\n") == 1
    assert not list(site.glob("images/*")) + list(site.glob("images/.*"))


@pytest.mark.slow
def test_files_that_cannot_grow_end_the_run(site: Path, tree: Path, table: Path) -> None:
    words = f"{sys.executable} -m client import {site} --dicom {tree} --clinical {table} --jobs 1"
    done = subprocess.run(["bash", "-c", f"ulimit -f 10; {words}"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"error: {site / 'images'}: cannot be written (no space left")
    assert "Traceback" not in done.stderr
    assert not list(site.glob("images/*")) + list(site.glob("images/.*"))


@pytest.mark.slow
def test_a_signal_keeps_what_was_done(site: Path, tmp_path: Path) -> None:
    names = [f"H-10{number}" for number in range(6)]
    for name in names:
        write_patient(tmp_path / "hospital", name, size=(160, 160, 60))
    (tmp_path / "clinic.csv").write_text("id,tps\n" + "".join(f"{name},60\n" for name in names))
    words = [sys.executable, "-m", "client", "import", str(site), "--dicom", str(tmp_path / "hospital"),
             "--clinical", str(tmp_path / "clinic.csv"), "--jobs", "1"]  # fmt: skip
    running = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True)
    deadline = time.monotonic() + 120
    while not list(site.glob("images/P*_mask.nii.gz")) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(running.pid, signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Traceback" not in err
    kept = len(read_cohort(load_site(site)).patients) if "P" in (site / "cohort.csv").read_text() else 0
    assert kept < len(names)
    assert not list(site.glob("images/.*"))
    subprocess.run(words, check=True, capture_output=True, cwd=ROOT)
    counts = results(site)["patients"]
    assert (counts["new"], counts["unchanged"]) == (len(names) - kept, kept)


@pytest.mark.usefixtures("no_workers")
def test_nobody_in_both_and_patients_by_folder(site: Path, tmp_path: Path, run: Run) -> None:
    root, table = tmp_path / "hospital", tmp_path / "clinic.csv"
    for folder, patient_id in (("Lung01", "ANON"), ("Lung02", "ANON2")):
        series = write_ct_series(root / folder, patient_id=patient_id)
        write_rtstruct(root / folder / "rt.dcm", series, {"GTV": ball_contours(series)})
    table.write_text("id,tps\nLung01,5\nLung02,60\nLung03,60\n")
    words = ("import", site, "--dicom", root, "--clinical", table)
    code, _, err = run(*words)
    assert code == 1
    assert "none of the 2 patient(s)" in err
    assert "(ANON, ANON2) is one of the 3" in err
    assert "2 name(s) of folders do: give --patient-from folder" in err
    assert run(*words, "--patient-from", "folder")[0] == 0
    table.write_text("id,tps\nLung01,high\nLung02,\n")
    other = init_site(tmp_path / "other", name="Other").folder
    code, _, err = run("import", other, "--dicom", root, "--clinical", table, "--patient-from", "folder")
    assert code == 1
    assert "no patient could be imported" in err.splitlines()[-1]
    assert results(other)["patients"]["quarantined"] == 2


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--roi", "GTV("], 2, "GTV("),
        (["--map", "tps"], 2, "write OURS=THEIRS"),
        (["--value", "tps"], 2, "write COLUMN:THEIRS=OURS"),
        (["--patient-from", "name"], 2, "--patient-from"),
        (["--jobs", "0"], 2, "--jobs"),
        (["--dicom", "nowhere"], 1, "nowhere"),
        (["--dicom", "."], 1, "has 0 file(s)"),
        (["--clinical", "nowhere.csv"], 1, "nowhere.csv: cannot be read"),
    ],
)
def test_wrong_usage_and_wrong_files_are_one_line(
    tmp_path: Path, words: list[str], code: int, sentence: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = init_site(tmp_path / "site", name="Test hospital").folder
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    (tmp_path / "clinic.csv").write_text("id,tps\nA,5\n")
    given = ["--dicom", tmp_path / "empty", "--clinical", tmp_path / "clinic.csv"]
    ended, _, err = run("import", site, *given, *words)
    assert (ended, sentence in err) == (code, True)
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_a_tree_that_holds_the_site_folder_is_refused(site: Path, table: Path, run: Run) -> None:
    code, _, err = run("import", site, "--dicom", site.parent, "--clinical", table)
    assert (code, "the site folder" in err) == (1, True)


@pytest.mark.usefixtures("no_workers")
def test_names_of_files_at_odds_and_spoiled_are_for_the_screen_only(site: Path, tmp_path: Path, run: Run) -> None:
    root, table = tmp_path / "hospital", tmp_path / "clinic.csv"
    for name in ("A", "B"):
        write_patient(root, name)
    data = pydicom.dcmread(root / "folder of A" / "CT" / "IM0002.dcm")
    data.PixelData = bytes(len(data.PixelData))
    (root / "李明").mkdir()
    data.save_as(root / "李明" / "LiMing19610304.dcm")
    (root / "folder of B" / "CT" / "王芳.dcm").touch()
    table.write_text("id,tps\nA,5\nB,60\n")
    _, _, err = run("import", site, "--dicom", root, "--clinical", table)
    assert "another file carries the same SOPInstanceUID" in err
    assert "LiMing19610304.dcm" in err
    assert f"file {root / 'folder of B' / 'CT' / '王芳.dcm'}: empty file" in err
    assert len(results(site)["quarantined"]) == 2
    written = (site / "results" / "import" / "results.json").read_text() + json.dumps(results(site), ensure_ascii=False)
    assert not [name for name in ("李明", "LiMing", "王芳", "folder of") if name in written]


@pytest.mark.usefixtures("no_workers")
def test_notes_name_their_patients_on_the_screen_only(
    site: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, table = tmp_path / "hospital", tmp_path / "clinic.csv"
    ids = [f"H-200{number}" for number in range(3)]
    for name in ids:
        series = write_patient(root, name)
        write_rtstruct(root / f"folder of {name}" / "lost.dcm", write_ct_series(tmp_path / "other", patient_id=name),
                       {"GTV-1": ball_contours(series)})  # fmt: skip
    table.write_text("id,tps\n" + "".join(f"{name},60\n" for name in ids))
    monkeypatch.setattr("client.intake.import_screen.MOST_NAMED", 2)
    _, out, _ = run("import", site, "--dicom", root, "--clinical", table, "--roi", "GTV-1")
    note = "1 mask file(s) of another or of no certain series left aside"
    assert f"Mind           patient H-2000: {note}" in out
    assert "patient H-2001: " in out and "patient H-2002: " not in out
    assert results(site)["notes"] == {"# mask file of another or of no certain series left aside": 3}
    assert "H-200" not in (site / "results" / "import" / "results.json").read_text()
