"""Our own work on several cores: processes with a fixed number of threads that never outlive the run."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

Result = TypeVar("Result")

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)
"""What tells the libraries how many threads to use, read when they are first imported."""
_queue: Any = None


def cores() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0))


@contextmanager
def in_parallel(
    function: Callable[..., Result], tasks: Sequence[tuple[Any, ...]], *, jobs: int, threads: int = 1, queue: Any = None
) -> Iterator[list[Future[Result]]]:
    """Futures of `function(*task)` for all tasks, in their order, computed by `jobs` processes of `threads` threads.

    A `queue` of the spawn context reaches the processes by `given_queue`. On an error or Ctrl-C in the block the
    processes are ended at once; they also end when this process is killed.
    """
    with process_pool(jobs=min(jobs, max(1, len(tasks))), threads=threads, queue=queue) as submit:
        yield [submit(function, *task) for task in tasks]


@contextmanager
def process_pool(*, jobs: int, threads: int = 1, queue: Any = None) -> Iterator[Callable[..., Future[Any]]]:
    """A function that hands work to one of `jobs` processes of `threads` threads each; see `in_parallel`."""
    before = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_start, initargs=(queue,))

    def submit(function: Callable[..., Result], *arguments: Any) -> Future[Result]:
        # a process is started when there is work for it
        with _quiet_children(threads):
            return pool.submit(function, *arguments)

    try:
        yield submit
    except BaseException:
        for child in set(multiprocessing.active_children()) - before:
            child.terminate()
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def given_queue() -> Any:
    """The queue that `in_parallel` was given; to be called inside one of its processes."""
    return _queue


@contextmanager
def _quiet_children(threads: int) -> Iterator[None]:
    # Libraries read the variables when they are first imported; the mask is inherited, so that Ctrl-C, which reaches
    # the whole process group, is answered by this process alone.
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _start(queue: Any) -> None:
    global _queue
    _queue = queue
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
