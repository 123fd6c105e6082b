"""Kits, commands and tiny apps that the tests of a deployment share."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import commands
import pytest

from client.__main__ import main as site_main
from server.__main__ import main as server_main

ROOT = Path(__file__).parents[2]
ROSTER = ("hospital-a", "hospital-b", "hospital-c")
_BUNDLE = """
[project]
name = "tiny"
version = "0.1.0"
description = "A tiny app."
license = "Apache-2.0"
[tool.flwr.app]
publisher = "pdl1es"
fab-include = ["tiny_server.py", "tiny_client.py"]
[tool.flwr.app.components]
serverapp = "tiny_server:app"
clientapp = "tiny_client:app"
[tool.flwr.app.config]
study = ""
out = ""
resume = false
"""
_SERVER = """
import json
import time
from pathlib import Path
from flwr.app import ConfigRecord, Message, RecordDict
from flwr.serverapp import ServerApp

from common.errors import PeerError

app = ServerApp()

@app.main()
def main(grid, context):
    names = {node.node_id: node.name for node in grid.get_nodes()}
    answers = {}
    for question in ("hello", "fail"):
        text = RecordDict({"text": ConfigRecord({"question": question})})
        messages = [Message(text, dst_node_id=node, message_type="query.hello") for node in names]
        for reply in grid.send_and_receive(messages, timeout=120):
            said = reply.error.reason if reply.has_error() else dict(reply.content["text"])
            answers.setdefault(question, {})[names.get(reply.metadata.src_node_id)] = said
    out = Path(context.run_config["out"])
    print("the server's app saw", sorted(names.values()), flush=True)
    (out / "results.json").write_text(json.dumps(answers | {"resume": context.run_config["resume"]}))
    while (out / "please-wait").exists():
        print("waiting", flush=True)
        time.sleep(0.5)
    if (out / "please-fail").exists():
        raise PeerError("no quorum; try again")
"""
_CLIENT = """
import numpy
from flwr.app import ConfigRecord, Message, RecordDict
from flwr.clientapp import ClientApp

app = ClientApp()

@app.query("hello")
def hello(message, context):
    if message.content["text"]["question"] == "fail":
        raise ValueError("PATIENT 4711")
    said = {"folder": str(context.node_config["site-folder"]), "draw": float(numpy.random.rand()), "code": __file__}
    return Message(RecordDict({"text": ConfigRecord(said)}), reply_to=message)
"""


def study_file(folder: Path) -> Path:
    """A study with a federation of three sites."""
    presets = ROOT / "simulation" / "presets"
    table = (presets / "federation.toml").read_text("utf-8").partition("[synthetic")[0]
    text = (presets / "quick.toml").read_text("utf-8") + table
    roster = ", ".join(f'"{name}"' for name in ROSTER)
    text = re.sub(r"(?m)^roster = .*", f"roster = [{roster}]", text)
    path = folder / "study.toml"
    path.write_text(re.sub(r"(?m)^quorum = .*", "quorum = 2", text))
    return path


def tiny_apps(folder: Path) -> tuple[Path, Path]:
    """The bundle a server sends, code and all, and the folder of the code that a hospital installed."""
    bundle, installed = folder / "bundle", folder / "installed"
    for place in (bundle, installed):
        place.mkdir(parents=True)
        (place / "tiny_client.py").write_text(_CLIENT)
    (bundle / "tiny_client.py").write_text("raise SystemExit('the code of the server was run in the hospital')\n")
    (bundle / "tiny_server.py").write_text(_SERVER)
    (bundle / "pyproject.toml").write_text(_BUNDLE)
    return bundle, installed


def call(main: Callable[[], None], name: str, capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    """Exit code and everything printed by one command."""
    code, out, err = commands.call(main, name, capsys, *words)
    return code, out + err


def server(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    """`pdl1es-server`."""
    return call(server_main, "pdl1es-server", capsys, *words)


def site(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    """`pdl1es-site`."""
    return call(site_main, "pdl1es-site", capsys, *words)


def one_line(text: str) -> bool:
    return len(text.strip().splitlines()) == 1


def free_ports(count: int = 4) -> int:
    """The first of some free ports in a row."""
    for first in range(20000 + os.getpid() % 500 * 20, 32000, count):
        try:
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise AssertionError("no free ports")


def wait_for(condition: Callable[[], object], *, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.2)


def processes_of(folder: Path) -> dict[int, str]:
    """Process ids and command lines that name a folder."""
    found = {}
    for place in Path("/proc").iterdir():
        if place.name.isdigit() and int(place.name) != os.getpid():
            try:
                line = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            except OSError:
                continue
            if str(folder) in line:
                found[int(place.name)] = line
    return found


class Joined:
    """A `pdl1es-site join` in the background."""

    def __init__(self, folder: Path, installed: Path, *words: object) -> None:
        self.log = folder / "join.out"
        command = [sys.executable, "-m", "client", "join", folder, "--app", "tiny_client:app", *words]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                list(map(str, command)),
                stdout=log,
                stderr=log,
                env=os.environ | {"PYTHONPATH": str(installed), "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self.log.read_text()

    def says(self, words: str, *, seconds: float = 90) -> None:
        wait_for(lambda: words in self.said or self.process.poll() is not None, seconds=seconds)
        assert words in self.said, self.said

    def end(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(timeout=60)


def enrolled(capsys: pytest.CaptureFixture[str], kit: Path, folder: Path, name: str) -> Path:
    """A new site folder that has its key; the public key's file."""
    assert site(capsys, "init", folder, "--name", name)[0] == 0
    assert site(capsys, "enroll", folder, "--kit", kit / "sites" / name)[0] == 0
    assert site(capsys, "approve", folder, "--yes")[0] == 0
    return folder / "federation" / f"{name}.pub"
