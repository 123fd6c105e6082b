"""A command watched while it runs: processor seconds, threads at work, peak memory of its own process."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from common.errors import DataError
from common.parallel import THREAD_VARIABLES, cores

LOOK_SECONDS = 0.1
_PROC = Path("/proc")


@dataclass
class Observation:
    """What one command took; processes and threads are counted at each look, over it and all below it."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_bytes: float = 0.0
    """Of the command's own process, its workers apart."""
    processes: list[int] = field(default_factory=list)
    running: list[int] = field(default_factory=list)
    """Threads that had a core or waited for one."""

    @property
    def use(self) -> float:
        """Share of all cores that was used."""
        return self.cpu_seconds / self.seconds / cores()


def observe(words: Sequence[str], *, folder: Path, allowed: Sequence[int] = (0,)) -> Observation:
    """Run a command with as many threads as it takes by itself; DataError when it ends otherwise than allowed."""
    free = {name: value for name, value in os.environ.items() if name not in THREAD_VARIABLES}
    seen, begun = Observation(), time.monotonic()
    with (folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(list(words), env=free, stdout=output, stderr=output)
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            _look(process.pid, seen)
            time.sleep(LOOK_SECONDS)
    _, status, usage = ended
    process.returncode = os.waitstatus_to_exitcode(status)
    seen.seconds, seen.cpu_seconds = time.monotonic() - begun, usage.ru_utime + usage.ru_stime
    if process.returncode not in allowed:
        said = (folder / "output.txt").read_text("utf-8", "replace").strip().splitlines() or ["it said nothing"]
        raise DataError(f"{' '.join(words)}: ended with {process.returncode} ({said[-1]}); run it by hand and mend it")
    return seen


def _look(pid: int, seen: Observation) -> None:
    family = list(_family(pid))
    seen.processes.append(len(family))
    seen.running.append(sum(_running(one) for one in family))
    seen.peak_bytes = max(seen.peak_bytes, _peak_bytes(pid))


def _family(pid: int) -> Iterator[int]:
    """A process and all below it."""
    parents = {int(one.name): _stat(one)[1] for one in _PROC.iterdir() if one.name.isdigit()}
    generation = [pid]
    while generation:
        yield from generation
        generation = [one for one, parent in parents.items() if parent in map(str, generation)]


def _running(pid: int) -> int:
    try:
        threads = list((_PROC / str(pid) / "task").iterdir())
    except OSError:
        return 0
    return sum(_stat(thread)[0] == "R" for thread in threads)


def _stat(folder: Path) -> tuple[str, str]:
    """State and parent of a process or a thread; empty when it is gone."""
    try:
        text = (folder / "stat").read_text("utf-8", "replace")
    except OSError:
        return "", ""
    state, parent = text.rpartition(")")[2].split()[:2]
    return state, parent


def _peak_bytes(pid: int) -> float:
    try:
        lines = (_PROC / str(pid) / "status").read_text("utf-8", "replace").splitlines()
    except OSError:
        return 0.0
    return next((1024.0 * int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0.0)
