"""`pdl1es-sim`: a whole run through the command, its files, its resumption and its refusals."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from common.signature import open_signature
from common.study import study_sha256
from simulation.published import PUBLISHED
from simulation.reproduction_page import page
from simulation.studies import preset_text

SMALL = {
    r"\ntraining = \d\d+": "\ntraining = 16",
    r"\nvalidation = \d\d+": "\nvalidation = 8",
    r"\ntest = \d\d+": "\ntest = 8",
    r"\nimmunotherapy = \d\d+": "\nimmunotherapy = 16",
    r"\nlow_quality = \d+": "\nlow_quality = 2",
    r"size_pixels = 64": "size_pixels = 32",
    r"batch_size = 32": "batch_size = 8",
    r"epochs = \d+": "epochs = 2",
    r"p_value = 0.05": "p_value = 0.5",
    r'name = "quick"': 'name = "small"',
}


def small_study(folder: Path) -> Path:
    text = preset_text("quick")
    for pattern, replacement in SMALL.items():
        assert re.search(pattern, text), pattern
        text = re.sub(pattern, replacement, text)
    path = folder / "small.toml"
    path.write_text(text)
    return path


def command(*words: str) -> list[str]:
    return [str(Path(sys.executable).with_name("pdl1es-sim")), *words]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*words), capture_output=True, text=True, timeout=900, check=False)


def results(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return found


def comparable(content: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in content.items() if key != "seconds"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    done = run("reproduce", "--study", str(small_study(folder)), "--out", str(folder / "run"), "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert "SYNTHETIC" in done.stdout
    return folder


def test_results_have_the_documented_keys(whole: Path) -> None:
    content = results(whole / "run")
    assert content["synthetic"] is True
    assert content["study_sha256"] == study_sha256(whole / "run" / "study.toml")
    assert content["cohort"]["training"] == 16
    assert content["cohort"]["excluded"] == {"reconstruction kernel 30f": 2}
    for model in ("pdl1es", "clinical", "radiomics", "deep"):
        for division in ("training", "validation", "test"):
            interval = content["discrimination"][model][division]
            assert 0 <= interval["ci_low"] <= interval["auc"] <= interval["ci_high"] <= 1
            assert interval["n"] > interval["n_positive"] > 0
    survival = content["survival"]["pdl1es"]["all"]
    assert survival["n"] == 16
    assert {
        "cutoff",
        "hazard_ratio",
        "ci_low",
        "ci_high",
        "logrank_p",
        "c_index",
        "median_low",
        "median_high",
        "events",
    } <= set(survival)
    assert {"cohort", "features", "training", "evaluation"} <= set(content["seconds"])
    assert {"preset", "versions", "device", "selected_features"} <= set(content)


def test_report_is_one_file_that_asks_for_nothing(whole: Path) -> None:
    page = (whole / "run" / "report.html").read_text()
    assert "SYNTHETIC" in page
    assert not re.search(r'(src|href)="(https?:)?//', page)
    assert "<script src" not in page


def test_page_of_the_documentation_holds_what_was_measured(whole: Path) -> None:
    content = results(whole / "run")
    text = page(content)
    assert "SYNTHETIC" in text
    assert content["study_sha256"] in text
    assert f"{content['discrimination']['deep']['test']['auc']:.3f}" in text
    assert all(published.quantity in text for published in PUBLISHED)


def test_signature_opens(whole: Path) -> None:
    description = open_signature(whole / "run" / "signature").description
    assert description.synthetic
    assert description.study_sha256 == results(whole / "run")["study_sha256"]
    assert "P0001" not in (whole / "run" / "signature" / "signature.json").read_text()


def test_folder_of_a_run_is_not_overwritten(whole: Path) -> None:
    refused = run("reproduce", "--study", str(whole / "small.toml"), "--out", str(whole / "run"))
    assert refused.returncode == 2
    assert "holds a run already; add --resume" in refused.stderr


def test_other_study_in_the_same_folder_is_refused(whole: Path) -> None:
    refused = run(
        "reproduce", "--study", str(whole / "small.toml"), "--out", str(whole / "run"), "--seed", "5", "--resume"
    )
    assert refused.returncode == 1
    assert "differs from the study asked for" in refused.stderr


def test_second_run_computes_nothing_and_says_the_same(whole: Path) -> None:
    before = results(whole / "run")
    images = {path: path.stat().st_mtime_ns for path in (whole / "run" / "site" / "images").iterdir()}
    again = run(
        "reproduce", "--study", str(whole / "small.toml"), "--out", str(whole / "run"), "--device", "cpu", "--resume"
    )
    assert again.returncode == 0, again.stderr
    assert comparable(results(whole / "run")) == comparable(before)
    assert images == {path: path.stat().st_mtime_ns for path in (whole / "run" / "site" / "images").iterdir()}


@pytest.mark.parametrize("awaited", ["site/images/*", "site/cache/patients/*", "models/*.pt"])
def test_killed_run_goes_on_to_the_same_numbers(whole: Path, tmp_path: Path, awaited: str) -> None:
    words = command(
        "reproduce", "--study", str(whole / "small.toml"), "--out", str(tmp_path / "run"), "--device", "cpu"
    )
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 120
    while not list((tmp_path / "run").glob(awaited)) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    resumed = run(*words[1:], "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert comparable(results(tmp_path / "run")) == comparable(results(whole / "run"))


def test_interrupted_run_exits_130_in_one_line(whole: Path, tmp_path: Path) -> None:
    words = command(
        "reproduce", "--study", str(whole / "small.toml"), "--out", str(tmp_path / "run"), "--device", "cpu"
    )
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while not list((tmp_path / "run").glob("site/cache/patients/*")) and process.poll() is None:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, messages = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in messages


def test_unknown_key_is_refused_before_any_work(tmp_path: Path) -> None:
    path = small_study(tmp_path)
    path.write_text(path.read_text().replace("batch_size", "batchsize"))
    refused = run("reproduce", "--study", str(path), "--out", str(tmp_path / "run"))
    assert refused.returncode == 1
    assert "'training.batchsize', the nearest known key is 'training.batch_size'" in refused.stderr
    assert not (tmp_path / "run").exists()


def test_unknown_preset_is_wrong_usage(tmp_path: Path) -> None:
    refused = run("reproduce", "--preset", "fast", "--out", str(tmp_path / "run"))
    assert refused.returncode == 2
    assert "choose quick or paper" in refused.stderr


def test_cohort_command_makes_a_site_folder(tmp_path: Path) -> None:
    made = run("cohort", "--out", str(tmp_path / "site"), "--patients", "8")
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "site" / "site.toml").is_file()
    assert len((tmp_path / "site" / "cohort.csv").read_text().splitlines()) >= 9
