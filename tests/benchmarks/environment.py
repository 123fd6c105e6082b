"""Environments for what is measured beside us, made by uv on first use, and programs that run in them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.cache import cache_folder

INSTALL_SECONDS = 300


class PeerFailed(Exception):  # noqa: N818 - a reason for the table
    """Something else could not be measured here; the text says why."""


def peer_python(name: str, wanted: Sequence[str]) -> Path:
    """Python of the environment of that name in the user's cache, with the packages that are wanted.

    Made when it is not there yet; PeerFailed when it cannot be.
    """
    folder = cache_folder() / name
    python, complete = folder / "bin" / "python", folder / "complete"
    if complete.is_file():
        return python
    uv = shutil.which("uv")
    if uv is None:
        raise PeerFailed("uv is not on the PATH")
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    run_to_its_end([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], seconds=INSTALL_SECONDS)
    install = [uv, "pip", "install", "--quiet", "--python", str(python), *wanted]
    # in another folder than ours, whose pyproject.toml would hold their versions down as well
    run_to_its_end(install, seconds=INSTALL_SECONDS, at=folder)
    complete.touch()
    return python


def peer_variables() -> dict[str, str]:
    """This process' environment variables without those that lead to our own packages."""
    return {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}


def run_to_its_end(words: Sequence[str], *, seconds: float, at: Path | None = None) -> None:
    """Run a program, in the folder `at`, with all its children ended afterwards.

    PeerFailed with its last line when it fails.
    """
    process = subprocess.Popen(
        words,
        cwd=at,
        env=peer_variables(),
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
        raise PeerFailed(f"{Path(words[0]).name} took longer than {seconds:.0f} s") from error
    finally:
        end_session(process)
    if process.returncode:
        lines = said.strip().splitlines() or ["it said nothing"]
        raise PeerFailed(f"{Path(words[0]).name} ended with {process.returncode}: {lines[-1][:200]}")


def end_session(process: subprocess.Popen[str]) -> None:
    """End a process that leads a session, with all its children."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()
