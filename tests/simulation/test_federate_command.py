"""`pdl1es-sim federate`: a whole run through the command, killed without warning in the middle of its training."""

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

import pytest
from small_federation import small_text

from common.signature import open_signature

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
SIZES = {"training": 44, "validation": 24, "test": 24, "immunotherapy": 24, "low_quality": 1}


def study(folder: Path) -> Path:
    text = small_text(2, image_types='["Original"]')
    for key, size in SIZES.items():
        text, found = re.subn(rf"(?m)^{key} = \d+$", f"{key} = {size}", text)
        assert found == 1, key
    path = folder / "small.toml"
    path.write_text(text)
    return path


def command(file: Path, out: Path, *more: str) -> list[str]:
    program = str(Path(sys.executable).with_name("pdl1es-sim"))
    words = ["--sites", "2", "--study", str(file), "--out", str(out), "--device", "cpu", *more]
    return [program, "federate", *words]


def run(words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, timeout=900, check=False)


def trained_rounds(out: Path) -> int:
    state = out / "server" / "state" / "state.json"
    facts: dict[str, Any] = json.loads(state.read_text())["facts"] if state.is_file() else {}
    return int(facts.get("training", {}).get("next", 0))


def results(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "results.json").read_text())
    return found


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was killed after its first round and finished by a second start."""
    folder = tmp_path_factory.mktemp("killed")
    file, out = study(folder), folder / "run"
    process = subprocess.Popen(command(file, out), stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 600
    while not trained_rounds(out) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert process.poll() is None, process.communicate()[1]
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert 1 <= trained_rounds(out) < 5
    resumed = run(command(file, out, "--resume"))
    assert resumed.returncode == 0, resumed.stderr
    assert "SYNTHETIC" in resumed.stdout
    return folder


def test_killed_run_goes_on_to_the_same_numbers(killed: Path) -> None:
    file, whole = killed / "small.toml", killed / "whole"
    shutil.copytree(killed / "run" / "sites", whole / "sites", ignore=shutil.ignore_patterns("*.pt"))
    done = run(command(file, whole))
    assert done.returncode == 0, done.stderr
    first, second = results(killed / "run"), results(whole)
    assert first["signature"] == second["signature"]
    assert first["runs"] == 2
    for part in ("training", "evaluation", "survival", "comparison", "selected_features"):
        assert first[part] == second[part], part


def test_results_have_the_documented_keys(killed: Path) -> None:
    content = results(killed / "run")
    comparison = content["comparison"]
    assert set(comparison["local"]) == {"site-1", "site-2"}
    for one in (*comparison["local"].values(), comparison["federated"], comparison["pooled"]):
        assert {"auc", "ci_low", "ci_high"} <= set(one["test"])
        assert 0 <= one["test"]["ci_low"] <= one["test"]["auc"] <= one["test"]["ci_high"] <= 1
        assert one["test"]["n"] == SIZES["test"]
    assert content["synthetic"] is True
    assert set(content["sites"]) == {"site-1", "site-2"}
    assert len([line for line in content["rounds"] if line["phase"] == "training"]) == 5
    assert sum(site["divisions"]["training"]["patients"] for site in content["sites"].values()) == SIZES["training"]
    description = open_signature(killed / "run" / "server" / "signature").description
    assert description.synthetic


def test_nothing_of_a_patient_stands_in_the_servers_folder(killed: Path) -> None:
    sites = killed / "run" / "sites"
    ids = [line.split(",")[0] for file in sites.glob("*/cohort.csv") for line in file.read_text().splitlines()[1:]]
    assert len(set(ids)) == sum(SIZES.values())
    for path in (killed / "run" / "server").rglob("*"):
        if path.is_file() and path.suffix in (".json", ".jsonl", ".html"):
            text = path.read_text()
            assert not [name for name in ids if re.search(rf"\b{re.escape(name)}\b", text)], path
            assert str(sites) not in text, path


def test_another_study_in_the_same_folder_is_refused(killed: Path) -> None:
    refused = run(command(killed / "small.toml", killed / "run", "--resume", "--seed", "5"))
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "differs from the study asked for" in refused.stderr


def test_ray_gives_what_one_process_gives(killed: Path) -> None:
    file, out = killed / "small.toml", killed / "ray"
    shutil.copytree(killed / "run" / "sites", out / "sites", ignore=shutil.ignore_patterns("*.pt"))
    done = run(command(file, out, "--engine", "ray"))
    assert done.returncode == 0, done.stderr
    first, second = results(killed / "run"), results(out)
    assert first["signature"] == second["signature"]
    assert first["comparison"] == second["comparison"]
