"""The extraction on the nodes of a Ray cluster that is there already; records are kept by this machine."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from client.extraction_cache import Record
from client.extraction_task import CannotWrite, Refusal, Task, keep
from client.workers import end, start_beside
from common.code_hash import code_sha256
from common.errors import PeerError, UsageError
from common.tls_probe import split_address

CONNECT_SECONDS = 10.0
START_SECONDS = 60.0


def check_cluster(address: str) -> None:
    """UsageError when Ray is not installed or the address is none, PeerError when nothing listens there."""
    if find_spec("ray") is None:
        raise UsageError('--cluster needs Ray, which is not installed; pip install "pdl1es[cluster]"')
    try:
        socket.create_connection(split_address(address), CONNECT_SECONDS).close()
    except OSError as error:
        raise PeerError(
            f"{address}: no Ray cluster answers ({error.strerror or error}); start it: ray start --head, "
            "and give the address that it prints"
        ) from error


def run_on_cluster(tasks: Sequence[Task], *, address: str) -> Iterator[tuple[int, Record | Refusal | CannotWrite]]:
    """Yield (index of the task, its outcome) as they come, each record written to the cache before.

    Ray gives a patient to another node when the one that had it dies. PeerError when the cluster is lost, or a node
    has other code or does not see the files; what came before is kept. Leaving the loop early ends the run's tasks.
    """
    line, process = start_beside("client.cluster_driver", folder=Path(os.sep), output=subprocess.DEVNULL)
    try:
        with closing(line):
            line.send((address, [_absolute(task) for task in tasks], code_sha256()))
            _answer(line, address, seconds=START_SECONDS)
            while (answer := _answer(line, address)) is not None:
                index, outcome = answer
                yield index, keep(tasks[index], _as_asked(outcome, tasks[index]))
    finally:
        process.terminate()
        end(process)


def _answer(line: Connection[Any, Any], address: str, *, seconds: float | None = None) -> Any:
    if not line.poll(seconds):
        raise PeerError(
            f"{address}: what listens there is no Ray cluster, or it does not take this machine; "
            f"join it first: ray start --address={address}"
        )
    try:
        answer = line.recv()
    except (EOFError, OSError) as error:
        raise PeerError(
            f"{address}: the Ray cluster was lost; what was computed is kept, run again and it goes on"
        ) from error
    if isinstance(answer, Exception):
        raise answer
    return answer


def _absolute(task: Task) -> Task:
    """The files by the paths that a node knows them by too."""
    return replace(task, image=task.image.absolute(), mask=task.mask.absolute())


def _as_asked(outcome: Record | Refusal, task: Task) -> Record | Refusal:
    """A refusal names its file as the table does, wherever it was computed."""
    if isinstance(outcome, Record):
        return outcome
    names = {task.image.absolute(): task.image, task.mask.absolute(): task.mask}
    return Refusal(names.get(outcome.file, outcome.file), outcome.reason)
