"""Memory of this process, as Linux counts it, and what a process of its own measured."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from common.errors import DataError

STATUS = Path("/proc/self/status")


def forget_peak() -> None:
    """Let VmHWM begin anew, where the kernel permits it."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def status_bytes(key: str) -> int:
    """VmRSS or VmHWM."""
    line = next(one for one in STATUS.read_text().splitlines() if one.startswith(key))
    return 1024 * int(line.split()[1])


def last_line(words: Sequence[str], *, of: str, seconds: float) -> str:
    """The last line that a process of our own prints; DataError, which names what it measures, when it fails."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise DataError(f"{of}: took longer than {seconds:g} s; measure on an idle machine") from error
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise DataError(f"{of}: {reason}; leave the program as it is while it is measured")
    return done.stdout.splitlines()[-1]
