"""Worker processes that outlive a task and may die on one without taking the run along."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from typing import Any, TypeVar

import SimpleITK as sitk

from common.parallel import THREAD_VARIABLES

Task = TypeVar("Task")
Result = TypeVar("Result")

_ONE_THREAD = dict.fromkeys(THREAD_VARIABLES, "1")
_GRACE_SECONDS = 5.0


@dataclass(frozen=True)
class WorkerDied:
    """The process that worked on a task ended without an answer; `cause` names the signal or the exit code."""

    cause: str

    def sentence(self) -> str:
        """Reason for a quarantine, with the remedy."""
        return f"the process that computed it died ({self.cause}); run again with fewer jobs, or leave the patient out"


class _Worker:
    """One process with one computing thread; it holds at most one task."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.connection, self.process = start_beside("client.workers")
        self.index: int | None = None
        self.connection.send(function)

    def give(self, index: int, task: Any) -> None:
        self.index = index
        with suppress(OSError):  # it may have died since its last answer; the next wait finds that out
            self.connection.send(task)

    def answer(self) -> Any:
        try:
            return self.connection.recv()
        except (EOFError, OSError):
            return WorkerDied(_cause(self.process.wait()))

    def stop(self) -> None:
        self.connection.close()
        if self.index is not None:
            self.process.terminate()
        end(self.process)


def start_beside(
    module: str, *, folder: Path | None = None, output: int | None = None
) -> tuple[Connection[Any, Any], subprocess.Popen[bytes]]:
    """Start a module of this very package in an interpreter of its own, with the other end of a line to it.

    The module gets the number of its end as its only argument; `output` is what Popen takes for both its outputs.
    """
    ours, theirs = Pipe()
    code = str(Path(__file__).resolve().parent.parent)
    # -P and the path in front: the code of this very package runs, whatever lies in the working directory.
    # A session of its own: Ctrl-C reaches the run only, and the run ends its workers.
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-P", "-m", module, str(theirs.fileno())],
        env=os.environ | _ONE_THREAD | {"PYTHONPATH": os.pathsep.join([code, os.environ.get("PYTHONPATH", "")])},
        cwd=folder,
        pass_fds=(theirs.fileno(),),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )
    theirs.close()
    return ours, process


def end(process: subprocess.Popen[bytes]) -> None:
    """Wait a little for a process that was told to end, then end it."""
    try:
        process.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def run_in_workers(
    function: Callable[[Task], Result], tasks: Sequence[Task], *, jobs: int
) -> Iterator[tuple[int, Result | WorkerDied]]:
    """Yield (index of the task, its result) as they come; a task whose process died gives WorkerDied.

    The function must be importable by its name and catch its own errors. Leaving the loop early, by Ctrl-C too, ends
    the workers; whatever they had in hand is dropped.
    """
    waiting = deque(enumerate(tasks))
    workers: list[_Worker] = []
    try:
        for _ in range(min(jobs, len(tasks))):
            workers.append(_Worker(function))
            workers[-1].give(*waiting.popleft())
        while workers:
            by_connection = {worker.connection: worker for worker in workers}
            for connection in wait(list(by_connection)):
                worker = by_connection[connection]  # type: ignore[index]
                index, worker.index, answer = worker.index, None, worker.answer()
                if isinstance(answer, WorkerDied) or not waiting:
                    worker.stop()
                    workers.remove(worker)
                if isinstance(answer, WorkerDied) and waiting:
                    worker = _Worker(function)
                    workers.append(worker)
                if waiting:
                    worker.give(*waiting.popleft())
                assert index is not None
                yield index, answer
    finally:
        for worker in workers:
            worker.stop()


def _cause(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    name = signal.Signals(-code).name
    return f"{name}, often too little memory" if name == "SIGKILL" else name


def _leave(*_: object) -> None:
    # An exit that falls into a finalizer is dropped there, with a traceback; the closed line then ends the worker.
    sys.unraisablehook = lambda _: None
    sys.exit(0)


def serve(connection: Connection[Any, Any]) -> None:
    """Answer tasks until the run closes the line or ends."""
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    signal.signal(signal.SIGTERM, _leave)
    try:
        function = connection.recv()
        while True:
            connection.send(function(connection.recv()))
    except (EOFError, OSError):
        return


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])))
