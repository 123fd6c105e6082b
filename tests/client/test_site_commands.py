"""`pdl1es-site`: what it leaves, what it prints, how it ends."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from commands import call
from phantoms import make_site, real_cases, tumour_volume, write_volume

from client.__main__ import main
from client.radiomics import feature_names
from common.paper_settings import PAPER_RADIOMICS

ROOT = Path(__file__).parents[2]
PRESET = (ROOT / "simulation" / "presets" / "paper.toml").read_text()
COMMAND = [sys.executable, "-c", "from client.__main__ import main; main()"]


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of one command."""
    return call(main, "pdl1es-site", capsys, *words)


def results(folder: Path, command: str) -> dict[str, Any]:
    def refuse(word: str) -> None:
        raise AssertionError(word)

    text = (folder / "results" / command / "results.json").read_text()
    content: dict[str, Any] = json.loads(text, parse_constant=refuse)
    return content


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    files = {f"p{seed}": write_volume(tumour_volume(seed), folder / "images", f"p{seed}") for seed in range(3)}
    make_site(folder, files)
    return folder


@pytest.fixture
def quick_study(tmp_path: Path) -> Path:
    """The paper's study with first-order features of the original image only."""
    text = re.sub(r"image_types = .*", 'image_types = ["Original"]', PRESET)
    text = re.sub(r"feature_classes = .*", 'feature_classes = ["firstorder"]', text)
    (tmp_path / "study.toml").write_text(text)
    return tmp_path / "study.toml"


def add_row(folder: Path, row: str) -> None:
    with (folder / "cohort.csv").open("a") as file:
        file.write(row + "\n")


def test_init_makes_a_folder_and_says_what_is_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "init", tmp_path / "a", "--name", "Hospital A")
    assert code == 0
    assert f"pdl1es-site check {tmp_path / 'a'}" in out
    assert (tmp_path / "a" / "cohort.csv").read_text().startswith("patient_id,")
    code, _, err = run(capsys, "init", tmp_path / "a", "--name", "Hospital A")
    assert code == 2
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_check_of_a_good_site(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "check", site, "--jobs", 1)
    assert code == 0
    assert "3: 3 fine, 0 in quarantine" in out
    assert f"Next: pdl1es-site features {site}" in out
    found = results(site, "check")
    assert found["fine"] == found["patients"] == 3
    assert (found["quarantined"], found["counts"]["failed"]) == ([], 0)
    left = sorted(path.name for path in (site / "results" / "check").iterdir())
    assert left == ["report.html", "results.json", "roi-1.png"]


def test_check_names_file_and_row_of_each_problem(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_row(site, "swap,expression,images/p0_image.nii.gz,images/p1_image.nii.gz,60" + "," * 12)
    add_row(site, "gone,expression,images/none.nii.gz,images/p1_mask.nii.gz,60" + "," * 12)
    add_row(site, "word,expression,images/p0_image.nii.gz,images/p0_mask.nii.gz,60,,,often" + "," * 9)
    code, out, err = run(capsys, "check", site, "--jobs", 1)
    assert code == 1
    assert "6: 3 fine, 3 in quarantine" in out
    assert f"row 5 patient swap: {site / 'images' / 'p1_image.nii.gz'}: has" in out
    assert "row 6 patient gone" in out
    assert "row 7 patient word: smoking is 'often'" in out
    assert (err.count("\n"), "checks failed, named above" in err) == (1, True)
    found = results(site, "check")["quarantined"]
    assert [(one["patient_id"], one["row"]) for one in found] == [("swap", 5), ("gone", 6), ("word", 7)]


def test_check_of_a_server_without_enrolment(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "check", site, "--server", "nowhere")[0] == 2
    code, out, _ = run(capsys, "check", site, "--jobs", 1, "--server", "localhost:9400")
    assert (code, "enroll first" in out) == (1, True)


def test_features_are_computed_once(site: Path, quick_study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "features", site, "--jobs", 1, "--study", quick_study)
    assert code == 0
    assert "3 computed, 0 reused" in out
    table = pd.read_parquet(site / "cache" / "features.parquet")
    assert table.shape == (3, 18)
    before = (site / "cache" / "features.parquet").read_bytes()
    code, out, _ = run(capsys, "features", site, "--study", quick_study)
    assert "0 computed, 3 reused" in out
    assert (site / "cache" / "features.parquet").read_bytes() == before
    found = results(site, "features")
    assert (found["n"], found["computed"], found["reused"], found["not_computed"]) == (3, 0, 3, [])


def test_features_go_on_without_the_sick_until_the_study_s_limit(
    site: Path, quick_study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_row(site, "gone,expression,images/none.nii.gz,images/p1_mask.nii.gz,60" + "," * 12)
    lenient = quick_study.with_name("lenient.toml")
    lenient.write_text(quick_study.read_text().replace("maximum_quarantined = 0.05", "maximum_quarantined = 0.25"))
    code, out, err = run(capsys, "features", site, "--study", lenient, "--jobs", 1)
    assert code == 0
    assert "4: 3 with features, 1 in quarantine" in out
    assert "row 5: patient gone" in err
    code, _, err = run(capsys, "features", site, "--study", quick_study, "--jobs", 1)
    assert code == 1
    assert "the study allows 5%" in err
    assert results(site, "features")["quarantined"][0]["row"] == 5


def test_a_site_without_one_readable_patient_ends_with_1(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(site / "images")
    code, _, err = run(capsys, "features", site)
    assert code == 1
    assert "no patient could be computed" in err.splitlines()[-1]
    assert not (site / "cache" / "features.parquet").exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [(["--jbos"], 2), (["--jobs", "0"], 2), (["--study", "none.toml"], 1)],
)
def test_wrong_usage_and_a_wrong_study_are_one_line(
    site: Path, words: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    ended, _, err = run(capsys, "features", site, *words)
    assert ended == code
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_no_site_and_an_empty_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "check", tmp_path)
    assert (code, "site.toml is missing" in err) == (1, True)
    make_site(tmp_path, {})
    code, _, err = run(capsys, "check", tmp_path)
    assert (code, "has no patient" in err) == (1, True)


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    done = subprocess.run([*COMMAND, "check", str(tmp_path), "--debug"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--help")
    assert code == 0
    assert all(name in out for name in ("init", "check", "features", "--debug"))
    assert "\\[" not in run(capsys, "features", "--help")[1]


def test_ctrl_c_keeps_what_was_computed(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    volumes = {f"p{seed}": tumour_volume(seed, radius_mm=11, size=(60, 60, 24)) for seed in range(5)}
    make_site(folder, {name: write_volume(one, folder / "images", name) for name, one in volumes.items()})
    words = [*COMMAND, "features", str(folder), "--jobs", "1"]
    running = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True)
    deadline = time.monotonic() + 120
    while not list(folder.glob("cache/patients/*.npz")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(running.pid, signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Traceback" not in err
    kept = len(list(folder.glob("cache/patients/*.npz")))
    assert 1 <= kept < len(volumes)
    assert not list(folder.glob("cache/patients/.*"))
    subprocess.run(words, check=True, capture_output=True, cwd=ROOT)
    found = results(folder, "features")
    assert (found["computed"], found["reused"]) == (len(volumes) - kept, kept)


@pytest.mark.skipif(not real_cases(), reason="../shared/data is absent")
@pytest.mark.parametrize("cases", [2, pytest.param(13, marks=pytest.mark.slow)])
def test_real_ct_gives_1316_values_a_patient(tmp_path: Path, cases: int, capsys: pytest.CaptureFixture[str]) -> None:
    folder, files = tmp_path / "site", {}
    (folder / "images").mkdir(parents=True)
    smallest = sorted(real_cases().items(), key=lambda item: item[1][1].stat().st_size)
    for name, paths in smallest[:cases]:
        files[name] = tuple(Path(shutil.copyfile(one, folder / "images" / f"{name}_{one.name}")) for one in paths)
    make_site(folder, files)
    assert run(capsys, "check", folder)[0] == 0
    assert run(capsys, "features", folder)[0] == 0
    table = pd.read_parquet(folder / "cache" / "features.parquet")
    assert list(table.columns) == list(feature_names(PAPER_RADIOMICS))
    assert table.shape == (cases, 1316)
    explained = {(one["patient_id"], one["feature"]) for one in results(folder, "features")["not_computed"]}
    lost = np.argwhere(~np.isfinite(table.to_numpy()))
    assert explained == {(table.index[row], table.columns[column]) for row, column in lost}
