"""Worker processes that use one core each and leave quietly when the run is stopped."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any


def cores() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0))


@contextmanager
def worker_pool(jobs: int, *, threads: int = 1, queue: Any = None) -> Iterator[ProcessPoolExecutor]:
    """A pool of fresh processes with so many threads each; on any error or Ctrl-C they are ended at once.

    A `queue` of the spawn context is handed to the workers, who find it by `worker_queue`.
    """
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_start, initargs=(threads, queue))
    before = set(multiprocessing.active_children())
    try:
        with _environment(threads):
            yield pool
    except BaseException:
        for child in set(multiprocessing.active_children()) - before:
            child.terminate()
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)
_QUEUE: list[Any] = []


def worker_queue() -> Any:
    """The queue that the pool was given; to be called inside a worker."""
    return _QUEUE[0]


@contextmanager
def _environment(threads: int) -> Iterator[None]:
    # libraries read these when they are first imported, before any initializer runs
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _start(threads: int, queue: Any) -> None:
    # Ctrl-C reaches the whole process group; only the parent answers it
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _QUEUE[:] = [queue]
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, str(threads)))
