"""A program of ours running beside us: its lines dated in a log of bounded size, its end certain."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO

from common.flower_environment import PRIVATE_UMASK

Line = Callable[[str], None]
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_LOG_BYTES, _LOG_FILES = 5 * 2**20, 4
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class Child:
    """One program in a process group of its own; ended with the group, and by the kernel when we are killed."""

    def __init__(
        self, name: str, command: Sequence[str], *, environment: dict[str, str], folder: Path, log: Path
    ) -> None:
        self.name = name
        self._command, self._environment, self._folder = list(command), environment, folder
        self._log = _log(log)
        self._process: subprocess.Popen[str] | None = None
        self._pump: threading.Thread | None = None
        self.last: deque[str] = deque(maxlen=40)
        self.started = 0.0

    def start(self, on_line: Line | None = None) -> None:
        """Start the program; each line it writes goes to the log and to `on_line`."""
        self.last.clear()
        self._process = subprocess.Popen(  # noqa: S603
            self._command,
            env=self._environment,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            umask=PRIVATE_UMASK,
            preexec_fn=end_with_parent,
        )
        self.started = time.monotonic()
        assert self._process.stdout is not None
        self._pump = threading.Thread(target=self._copy, args=(self._process.stdout, on_line), daemon=True)
        self._pump.start()

    @property
    def pid(self) -> int | None:
        """Process id, None when it is not running."""
        return None if self.ended is not None or self._process is None else self._process.pid

    @property
    def ended(self) -> int | None:
        """Exit code; None while it runs; 0 when it was never started."""
        return 0 if self._process is None else self._process.poll()

    def settle(self) -> None:
        """Wait until all lines of a program that ended are read; a grandchild may hold the pipe, so not for ever."""
        if self._pump is not None:
            self._pump.join(timeout=2)

    def stop(self, *, seconds: float = 20) -> None:
        """Ask the whole group to end, and end it when it does not."""
        process, self._process = self._process, None
        if process is None:
            return
        _signal_group(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + seconds
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=seconds)
        while _alive(process.pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        _signal_group(process.pid, signal.SIGKILL)
        process.wait()
        if self._pump is not None:
            self._pump.join(timeout=2)

    def _copy(self, lines: IO[str], on_line: Line | None) -> None:
        for raw in lines:
            line = _COLOURS.sub("", raw).rstrip()
            self._log.info("%s", line)
            self.last.append(line)
            if on_line is not None:
                on_line(line)


def _log(path: Path) -> logging.Logger:
    logger = logging.getLogger(f"pdl1es.child.{path}")
    logger.propagate = False
    logger.setLevel(logging.INFO)
    if not logger.handlers:
        handler = RotatingFileHandler(path, maxBytes=_LOG_BYTES, backupCount=_LOG_FILES, encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        logger.addHandler(handler)
    return logger


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def end_with_parent() -> None:
    """Let the kernel end this process when its parent ends; Linux only."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
