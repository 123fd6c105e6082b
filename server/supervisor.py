"""Keeps a server's three programs running, and ends them together."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import signal
import socket
import sys
import time
from pathlib import Path
from types import FrameType
from typing import IO

from common import atomic
from common.errors import Pdl1esError, PeerError, UsageError
from common.processes import Child
from common.tls_probe import probe
from server.kit import Kit, load_kit
from server.processes import check_start, children

LOCK, STATE = "lock", "state.json"
START_SECONDS = 120
_QUICK_DEATH_SECONDS, _QUICK_DEATHS = 30, 4
_PAUSE_SECONDS = (1, 3, 10, 10)
_log = logging.getLogger("pdl1es.supervisor")


class Supervisor:
    """The programs of one kit; one supervisor a kit, by a lock that ends with the process."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._stopping = False
        self._lock = _locked(kit)
        check_start(kit)
        self._children = children(kit)
        self._deaths = {child.name: 0 for child in self._children}

    def run(self) -> None:
        """Start, watch and restart until SIGTERM or SIGINT; PeerError when a program cannot stay up."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        try:
            self._start()
            while not self._stopping:
                for child in self._children:
                    self._revive(child)
                time.sleep(0.5)
        finally:
            for child in reversed(self._children):
                child.stop()
            (self._kit.run / STATE).unlink(missing_ok=True)
            self._lock.close()
        _log.info("stopped")

    def _start(self) -> None:
        superlink, superexec, proxy = self._children
        superlink.start()
        self._write("starting")
        self._wait_for(f"127.0.0.1:{self._kit.settings.superlink_port}", superlink)
        superexec.start()
        proxy.start()
        self._wait_for(self._kit.settings.reachable, proxy)
        self._wait_for_port(self._kit.settings.superexec_health_port, superexec)
        self._write("running")
        _log.info("running")

    def _wait_for(self, address: str, child: Child) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._stopping:
            if child.ended is not None:
                child.settle()
                raise PeerError(f"the {child.name} ended at once: {_last_words(child)}; see {self._kit.log}")
            try:
                if probe(address, self._kit.ca_certificate, seconds=5, direct=True).status == 200:
                    return
            except PeerError as error:
                if time.monotonic() > deadline:
                    raise PeerError(f"the {child.name} does not answer: {error}; see {self._kit.log}") from error
            time.sleep(0.3)

    def _wait_for_port(self, port: int, child: Child) -> None:
        while not self._stopping and child.ended is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
                return
            time.sleep(0.2)

    def _revive(self, child: Child) -> None:
        if child.ended is None or self._stopping:
            return
        quick = time.monotonic() - child.started < _QUICK_DEATH_SECONDS
        self._deaths[child.name] = deaths = self._deaths[child.name] + 1 if quick else 1
        if deaths > _QUICK_DEATHS:
            raise PeerError(f"the {child.name} ends again and again: {_last_words(child)}; see {self._kit.log}")
        _log.warning("%s ended (exit code %s), starting it again", child.name, child.ended)
        child.stop(seconds=0)
        time.sleep(_PAUSE_SECONDS[deaths - 1])
        child.start()
        self._write("running")

    def _write(self, state: str) -> None:
        pids = {child.name: child.pid for child in self._children}
        content = {"state": state, "supervisor": os.getpid(), "started": time.time(), "programs": pids}
        atomic.write_json(self._kit.run / STATE, content)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True


def is_running(kit: Kit) -> bool:
    """Whether a supervisor of this kit is alive."""
    try:
        _locked(kit).close()
    except UsageError:
        return True
    return False


def _locked(kit: Kit) -> IO[bytes]:
    kit.run.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = (kit.run / LOCK).open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise UsageError(f"{kit.folder}: this server runs already; see: pdl1es-server status {kit.folder}") from error
    return lock


def _last_words(child: Child) -> str:
    said = [line.strip() for line in child.last if line.strip()]
    errors = [line for line in said if "rror" in line]
    return (errors or said or ["it said nothing"])[-1][:300]


def main(folder: Path) -> int:
    """Supervise until told to stop; the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        Supervisor(load_kit(folder)).run()
    except Pdl1esError as error:
        _log.error("error: %s", error)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
