"""The process that talks to Ray for a run: what Ray prints, or a cluster that takes its driver along, ends here."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Any

from client.cluster_task import Unfit, compute_on_node
from client.extraction_cache import Record
from client.extraction_task import Refusal, Task
from common.errors import PeerError
from common.flower_environment import QUIET
from common.processes import end_with_parent

RETRIES = 3
"""Times that Ray gives a patient to another process when the one that had it died, or its node."""
PENDING_A_CORE = 2
"""Patients under way for each core of the cluster, so that none waits and memory stays as it is."""
LOOK_SECONDS = 5.0
NO_CORE_SECONDS = 60.0


def drive(connection: Connection[Any, Any]) -> None:
    """Take an address, tasks and the code's hash from the line; answer None, then each (index, outcome), then None.

    An error is an answer too, and the last.
    """
    address, tasks, code = connection.recv()
    try:
        _connect(address)
        connection.send(None)
        for answer in _results(tasks, address, code):
            connection.send(answer)
        connection.send(None)
    except PeerError as error:
        connection.send(error)
    except Exception as error:
        said = " ".join(str(error).split())[:300]
        connection.send(PeerError(f"{address}: Ray failed ({type(error).__name__}: {said}); what was computed is kept"))


def _connect(address: str) -> None:
    import ray

    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL)
    except Exception as error:
        said = " ".join(str(error).split())[:300]
        raise PeerError(
            f"{address}: this Ray cluster does not take this machine ({said}); "
            f"join it first: ray start --address={address}, with the same Ray, Python and token on every node"
        ) from error


def _results(tasks: Sequence[Task], address: str, code: str) -> Iterator[tuple[int, Record | Refusal]]:
    import ray

    send: Any = ray.remote(num_cpus=1, max_retries=RETRIES)(compute_on_node)
    waiting, pending = deque(enumerate(tasks)), dict[Any, int]()
    while waiting or pending:
        room = PENDING_A_CORE * _cores(address)
        while waiting and len(pending) < room:
            index, task = waiting.popleft()
            pending[send.remote(task, code)] = index
        done, _ = ray.wait(list(pending), num_returns=1, timeout=LOOK_SECONDS)
        for reference in done:
            index = pending.pop(reference)
            yield index, _outcome(reference, tasks[index], address)


def _cores(address: str) -> int:
    """Cores of all nodes; PeerError when there is none for a minute."""
    import ray

    resources: Callable[[], dict[str, float]] = ray.cluster_resources
    deadline = time.monotonic() + NO_CORE_SECONDS
    while (cores := int(resources().get("CPU", 0))) < 1:
        if time.monotonic() > deadline:
            raise PeerError(
                f"{address}: no node of this Ray cluster has a core to compute on; "
                f"join nodes (ray start --address={address}) and run again: it goes on"
            )
        time.sleep(1)
    return cores


def _outcome(reference: Any, task: Task, address: str) -> Record | Refusal:
    import ray
    from ray.exceptions import LocalRayletDiedError, RayError, RaySystemError, RayTaskError

    try:
        found = ray.get(reference)
    except RayTaskError as error:
        raise PeerError(
            f"{address}: node {error.ip} cannot run this code ({type(error.cause).__name__}); "
            "install the same pdl1es into the Python that Ray runs there"
        ) from error
    except (LocalRayletDiedError, RaySystemError):
        raise
    except RayError as error:
        return Refusal(
            task.image,
            f"each of {RETRIES + 1} processes that computed it on the cluster died ({type(error).__name__}); "
            "give the nodes more memory, or leave the patient out",
        )
    if isinstance(found, Unfit):
        raise PeerError(f"{address}: node {found.node} {found.reason}")
    answer: Record | Refusal = found
    return answer


if __name__ == "__main__":
    os.environ.update(QUIET)
    end_with_parent()
    drive(Connection(int(sys.argv[1])))
