"""The real study over real connections: three hospitals, TLS, node keys, sites and server killed on the way."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from federations import free_ports, processes_of, wait_for

from client.app import app as client_app
from common.study import load_study
from server.coordinate import coordinate
from server.exchange import Exchange
from server.live import Live
from server.study_run import federation_of, open_run
from simulation.federation.grid import InProcessGrid
from simulation.studies import preset_text

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
SMALLER = {
    r"(?m)^training = 200": "training = 90",
    r"(?m)^validation = 40": "validation = 45",
    r"(?m)^test = 80": "test = 45",
    r"(?m)^immunotherapy = 50": "immunotherapy = 40",
    r"(?m)^low_quality = 6": "low_quality = 0",
    r"epochs = 10": "epochs = 2",
    r"size_pixels = 64": "size_pixels = 32",
}


class Study:
    """The folders of a federation of three, and its commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kit, self.demo = folder / "kit", folder / "demo"
        self.joined: dict[str, subprocess.Popen[bytes]] = {}

    def command(self, module: str, *words: object) -> str:
        line = [sys.executable, "-m", module, *map(str, words)]
        done = subprocess.run(line, capture_output=True, text=True, check=False, cwd=self.folder)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def join(self, name: str) -> None:
        log = (self.folder / f"{name}.log").open("ab")
        line = [sys.executable, "-m", "client", "join", str(self.demo / "sites" / name)]
        self.joined[name] = subprocess.Popen(line, stdout=log, stderr=log, start_new_session=True)

    def run(self, out: str, *words: str) -> subprocess.Popen[bytes]:
        log = (self.folder / f"{out}.log").open("ab")
        line = [sys.executable, "-m", "server", "run", str(self.kit), "--out", str(self.folder / out), *words]
        return subprocess.Popen(line, stdout=log, stderr=log, start_new_session=True)

    def said(self, out: str) -> str:
        return (self.folder / f"{out}.log").read_text()

    def weights(self, out: str) -> bytes:
        return (self.folder / out / "signature" / "model.safetensors").read_bytes()

    def kill(self, *words: str) -> None:
        """SIGKILL to every process of this federation whose command line has one of the words."""
        for number, line in processes_of(self.folder).items():
            if any(word in line for word in words):
                os.kill(number, signal.SIGKILL)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    one = Study(tmp_path_factory.mktemp("study"))
    text = preset_text("quick")
    for pattern, smaller in SMALLER.items():
        text = re.sub(pattern, smaller, text)
    (one.folder / "small.toml").write_text(text)
    one.command("simulation", "cohort", "--study", one.folder / "small.toml", "--sites", 3, "--out", one.demo)
    one.command("server", "provision", one.demo / "study.toml", "--out", one.kit, "--port", free_ports())
    one.command("server", "start", one.kit)
    try:
        for name in ("site-1", "site-2", "site-3"):
            folder = one.demo / "sites" / name
            one.command("client", "enroll", folder, "--kit", one.kit / "sites" / name)
            one.command("client", "approve", folder, "--yes")
            one.command("server", "admit", one.kit, folder / "federation" / f"{name}.pub")
            one.join(name)
        wait_for(lambda: one.command("server", "status", one.kit).count("online") == 3)
        yield one
    finally:
        for process in one.joined.values():
            process.terminate()
            process.wait(timeout=60)
        one.command("server", "stop", one.kit)
    assert not processes_of(one.folder)


@pytest.fixture(scope="module")
def undisturbed(study: Study) -> bytes:
    """The weights of a run that nothing disturbed."""
    assert study.run("undisturbed").wait(timeout=900) == 0, study.said("undisturbed")
    return study.weights("undisturbed")


def test_hospitals_train_what_one_process_trains(study: Study, undisturbed: bytes) -> None:
    out = study.folder / "one-process"
    file = study.demo / "study.toml"
    live = Live(out, say=lambda _: None)
    folders = {path.name: path for path in (study.demo / "sites").iterdir()}
    federation = federation_of(load_study(file))
    run = open_run(file, out, Exchange(InProcessGrid(client_app, folders), federation, poll_seconds=0), live)
    coordinate(run, out)
    assert study.weights("one-process") == undisturbed


def test_site_killed_in_a_round_comes_back_and_nothing_is_lost(study: Study, undisturbed: bytes) -> None:
    process = study.run("site-killed")
    wait_for(lambda: "round 1:" in study.said("site-killed"), seconds=300)
    study.kill("sites/site-2")
    study.joined["site-2"].wait(timeout=60)
    study.join("site-2")
    assert process.wait(timeout=900) == 0, study.said("site-killed")
    assert study.weights("site-killed") == undisturbed


def test_killed_server_goes_on_with_resume(study: Study, undisturbed: bytes) -> None:
    process = study.run("server-killed")
    wait_for(lambda: "round 2:" in study.said("server-killed"), seconds=300)
    study.kill("flower-", "flwr-serverapp", "server.", " server ")
    process.wait(timeout=60)
    study.command("server", "start", study.kit)
    wait_for(lambda: " failed " in study.command("server", "status", study.kit), seconds=180)
    assert study.run("server-killed", "--resume").wait(timeout=900) == 0, study.said("server-killed")
    assert study.weights("server-killed") == undisturbed
