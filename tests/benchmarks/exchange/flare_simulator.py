"""NVIDIA FLARE's simulator with its own FedAvg, in an environment of its own that is made on first use."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from itertools import pairwise
from pathlib import Path

import numpy as np

from tests.benchmarks.cache import cache_folder

VERSION = "2.9.0"
INSTALL_SECONDS, RUN_SECONDS = 120, 90
_HERE = Path(__file__).parent / "flare"


class FlareFailed(Exception):  # noqa: N818 - a reason for the table
    """FLARE could not be measured here; the text says why."""


def flare_python() -> Path:
    """Python of the environment in the user's cache; made by uv when it is not there yet."""
    folder = cache_folder() / f"nvflare-{VERSION}"
    python, complete = folder / "bin" / "python", folder / "complete"
    if complete.is_file():
        return python
    uv = shutil.which("uv")
    if uv is None:
        raise FlareFailed("uv is not on the PATH")
    shutil.rmtree(folder, ignore_errors=True)
    _run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], seconds=INSTALL_SECONDS)
    wanted = [f"nvflare=={VERSION}", f"numpy=={metadata.version('numpy')}"]
    _run([uv, "pip", "install", "--quiet", "--python", str(python), *wanted], seconds=INSTALL_SECONDS)
    complete.touch()
    return python


def flare_seconds(
    python: Path, folder: Path, weights: Mapping[str, np.ndarray], *, sites: int, rounds: int, eager: bool
) -> list[float]:
    """Seconds of the rounds of a run, between two arrivals of weights at site-1, without start and first rounds.

    With `eager` nobody waits longer than it must for the next task: FLARE's own settings leave 2 s between two tasks
    of a client, and half a second between two looks of the server.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    np.savez(folder / "weights.npz", **dict(weights))
    # the first round is sent without weights, which the sites supply; the second is a warm-up
    words = [str(python), str(_HERE / "job.py"), str(folder), str(sites), str(rounds + 3), str(int(eager))]
    _run(words, seconds=RUN_SECONDS)
    arrivals = [line.split() for line in (folder / "site-1.txt").read_text().splitlines()]
    times = [float(at) for at, arrays in arrivals if int(arrays) == len(weights)][1:]
    if len(times) < 2:
        raise FlareFailed("its clients did not get the weights")
    return [after - before for before, after in pairwise(times)]


def _run(words: Sequence[str], *, seconds: float) -> None:
    """Run a program with all its children ended afterwards; FlareFailed with its last line when it fails."""
    environment = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    process = subprocess.Popen(
        words,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired as error:
        raise FlareFailed(f"{Path(words[0]).name} took longer than {seconds:.0f} s") from error
    finally:
        _end(process)
    if process.returncode:
        lines = said.strip().splitlines() or ["it said nothing"]
        raise FlareFailed(f"{Path(words[0]).name} ended with {process.returncode}: {lines[-1][:200]}")


def _end(process: subprocess.Popen[str]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()
