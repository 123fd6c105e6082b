"""A site's part in a federation: a SuperNode and a task runner, watched, restarted, ended together."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable
from types import FrameType

from client.approval import check_approved, check_in_trail
from client.audit.recorder import record_policy
from client.audit.trail import Trail
from client.enrolled_server import check_server, enrolled_server
from client.federation_folder import FederationFolder
from client.join_programs import locked, node_and_runner
from client.site import Site
from common.errors import DataError, PeerError
from common.flower_environment import private_folder
from common.site_kit import SiteKit
from common.tls_probe import CertificateError, clock_fault, probe

Say = Callable[[str], None]
HEARTBEAT_EXPIRES_SECONDS = 75
"""Flower refuses a node whose last heartbeat has not expired; that takes 60 s."""
_RETRY_SECONDS, _PROBE_SECONDS, _TICK_SECONDS, _LONGEST_PAUSE = 10, 10, 0.3, 60
_CONNECTED = re.compile(r"SuperNode ID: (\d+)")
_RECEIVED = re.compile(r"Receiving: (\S+) message")
_REFUSED = re.compile(r"\[code: 200[14]\]")


def check_may_join(site: Site, kit: SiteKit) -> str:
    """SHA-256 of the server's CA; DataError or ApprovalError when this site may not take part."""
    server = enrolled_server(site.folder)
    if server != kit.ca_sha256:
        raise DataError(f"{site.folder}: ca.crt is not the CA that the kit names; do not go on, ask the coordinator")
    check_server(site.policy, enrolled=server, asks=server)
    trail = Trail(site.folder)
    check_in_trail(check_approved(site.folder, kit.study_sha256), trail.entries(), trail)
    record_policy(trail, site.policy)
    return kit.ca_sha256


class Member:
    """One site that takes part until it is told to stop."""

    def __init__(self, folder: FederationFolder, kit: SiteKit, *, server: str, app: str, say: Say) -> None:
        self._folder, self._kit, self._server, self._say = folder, kit, server, say
        self._stopped_by: int | None = None
        self._connected, self._lost, self._broken = False, False, False
        self._online = folder.run / "online"
        for path in (folder.home, folder.work, folder.run, folder.log):
            private_folder(path)
        self._lock = locked(folder)
        self._node, self._runner = node_and_runner(folder, server=server, app=app)

    def run(self) -> None:
        """Take part until SIGTERM or SIGINT; PeerError when the server does not let this site in."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        try:
            self._check_server()
            self._runner.start()
            while self._stopped_by is None:
                self._node.start(self._hear)
                self._watch()
                if self._stopped_by is None:
                    self._after_the_end()
        finally:
            self._end()
        if self._stopped_by == signal.SIGINT:
            raise KeyboardInterrupt

    def _check_server(self) -> None:
        answer = probe(self._server, self._folder.ca_certificate)
        if fault := clock_fault(answer):
            raise PeerError(fault)
        if answer.status != 200:
            self._say(f"the server at {self._server} is starting or in trouble; waiting for it")

    def _watch(self) -> None:
        """Return when the node has ended or cannot go on."""
        while self._node.ended is None and self._stopped_by is None and not self._broken:
            if self._runner.ended is not None:
                self._say("the task runner ended, starting it again; its log says why")
                time.sleep(1)
                self._runner.start()
            if self._connected and not self._lost:
                self._online.touch()
            time.sleep(_TICK_SECONDS)
        self._node.settle()

    def _after_the_end(self) -> None:
        """Wait before the next try, or say why there is none."""
        was_connected, gracefully = self._connected, self._node.ended == 0 and not self._broken
        refused = any(_REFUSED.search(line) for line in self._node.last)
        self._node.stop()
        self._connected = self._lost = self._broken = False
        if refused:
            self._wait_for_expiry()
            return
        self._wait_for_server()
        if was_connected and gracefully:
            raise PeerError(f"the server takes {self._kit.name}'s key no longer: it was revoked; ask the coordinator")
        self._say("the connection ended, starting again; federation/log/node.log says why")
        self._pause(_RETRY_SECONDS)

    def _wait_for_expiry(self) -> None:
        seen = self._online.stat().st_mtime if self._online.exists() else 0.0
        left = seen + HEARTBEAT_EXPIRES_SECONDS - time.time()
        if left < 0:
            raise PeerError(
                f"the server does not let {self._kit.name} in: its key is not admitted, or is in use elsewhere; "
                f"hand {self._folder.public_key(self._kit.name)} to the coordinator"
            )
        self._say(f"the server still waits for our last connection to expire, {left:.0f} s at most; trying again")
        self._pause(_RETRY_SECONDS)

    def _wait_for_server(self) -> None:
        pause = float(_RETRY_SECONDS)
        while self._stopped_by is None:
            try:
                if fault := clock_fault(probe(self._server, self._folder.ca_certificate)):
                    raise CertificateError(fault)
                return
            except CertificateError:
                raise
            except PeerError as error:
                self._say(f"lost: {error}; trying again in {pause:.0f} s")
            self._pause(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _hear(self, line: str) -> None:
        if found := _CONNECTED.search(line):
            self._connected, self._lost = True, False
            self._say(f"connected to {self._server} as {self._kit.name}, node {found[1]}")
        elif "Connection attempt failed" in line and not self._lost:
            self._lost = True
            self._say(f"lost: {self._server} does not answer; trying again until it does")
        elif "Connection successful after" in line and self._lost:
            self._lost = False
            self._say("reconnected" if self._connected else "the server answers")
        elif found := _RECEIVED.search(line):
            self._say(f"received {found[1]}")
        elif "Sent successfully" in line:
            self._say("answered")
        elif "is not in `RUNNING` status" in line:
            self._say("the run has ended, nothing more is sent")
        elif "Exception in thread" in line:
            self._broken = True

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and self._stopped_by is None:
            time.sleep(_TICK_SECONDS)

    def _end(self) -> None:
        clean = self._connected and not self._lost
        self._node.stop()
        self._runner.stop()
        if clean:
            self._online.unlink(missing_ok=True)
        self._lock.close()
        if self._stopped_by is not None:
            self._say("left the federation; join again when you like")

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        self._stopped_by = number
