"""What is measured, each in a process of its own that extracts when it is asked."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from common.paper_settings import PAPER_RADIOMICS, PAPER_RESAMPLING
from tests.benchmarks.environment import PeerFailed, end_session, peer_python, peer_variables

ROOT = Path(__file__).parents[3]
PAPER: dict[str, Any] = PAPER_RADIOMICS.model_dump(mode="json") | PAPER_RESAMPLING.model_dump(mode="json")
"""The settings in one, as the programs take them."""
_PROGRAMS = Path(__file__).parent / "engines"


@dataclass(frozen=True)
class Answer:
    """Of one extraction: seconds from the files to the values, how many values, and the process' peak of memory."""

    seconds: float
    values: int
    peak_bytes: int


@dataclass(frozen=True)
class Program:
    """A file of engines/, and the packages of the environment it runs in; without packages it runs in ours."""

    file: str
    packages: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    """What the program is told beside the settings."""

    def python(self) -> Path:
        """Made by uv when it is not there yet; PeerFailed when it cannot be."""
        if not self.packages:
            return Path(sys.executable)
        first = self.packages[0].replace("==", "-")
        return peer_python(first, self.packages)


class Engine:
    """A program at work; it starts when it is first asked and ends with the block."""

    def __init__(self, program: Program, settings: Mapping[str, Any]) -> None:
        self.program = program
        self.settings = json.dumps(dict(settings))
        self._process: subprocess.Popen[str] | None = None
        self._said = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 - closed with the block

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process is not None:
            end_session(self._process)
        self._said.close()

    def ask(self, paths: Sequence[Path], *, seconds: float, keep: Path | None = None) -> Answer:
        """Extract from an image and its mask; PeerFailed with the reason when that fails or takes too long.

        `keep` is where the values are written, as JSON.
        """
        process = self._process = self._process or self._start()
        question = {"paths": [str(path) for path in paths], "keep": str(keep) if keep else None}
        too_late = threading.Event()

        def end() -> None:
            too_late.set()
            end_session(process)

        timer = threading.Timer(seconds, end)
        timer.start()
        line = _line(process, json.dumps(question))
        timer.cancel()
        if too_late.is_set():
            raise PeerFailed(f"it took longer than {seconds:.0f} s")
        answer = json.loads(line or json.dumps({"error": self._last_words(process)}))
        if "error" in answer:
            raise PeerFailed(answer["error"])
        return Answer(**answer)

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(self.program.python()), str(_PROGRAMS / self.program.file), self.settings, *self.program.words],
            env=peer_variables() | ({} if self.program.packages else {"PYTHONPATH": str(ROOT)}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            start_new_session=True,
        )

    def _last_words(self, process: subprocess.Popen[str]) -> str:
        self._said.seek(0)
        lines = self._said.read().strip().splitlines() or ["it said nothing"]
        return f"its process ended with {process.wait()}: {lines[-1][:200]}"


def _line(process: subprocess.Popen[str], question: str) -> str:
    """The answer; empty when the process ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(OSError):
        process.stdin.write(question + "\n")
        process.stdin.flush()
    return process.stdout.readline()
