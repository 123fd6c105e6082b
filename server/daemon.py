"""Starting the supervisor in the background, asking it to end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

from common.errors import PeerError, UsageError
from common.flower_environment import PRIVATE_UMASK, flower_environment, private_folder
from server.kit import Kit
from server.processes import check_start
from server.supervisor import START_SECONDS, STATE, is_running

_STOP_SECONDS, _GONE_SECONDS = 60, 5
_LOG = "supervisor.log"


def start(kit: Kit) -> float:
    """Start a kit's server in the background and wait until it answers; the seconds it took."""
    if is_running(kit):
        raise UsageError(f"{kit.folder}: this server runs already; see: pdl1es-server status {kit.folder}")
    check_start(kit)
    begun = time.monotonic()
    supervisor = _launch(kit)
    while time.monotonic() < begun + 2 * START_SECONDS:
        if supervisor.poll() is not None:
            raise PeerError(_why(kit))
        if read_state(kit).get("state") == "running":
            return time.monotonic() - begun
        time.sleep(0.2)
    stop(kit)
    raise PeerError(f"the server was not ready in {2 * START_SECONDS} s; see {kit.log}")


def stop(kit: Kit) -> bool:
    """End a kit's server; False when none runs."""
    if not is_running(kit):
        return False
    deadline = time.monotonic() + _STOP_SECONDS
    supervisor, asked = 0, False
    while is_running(kit):
        pid = read_state(kit).get("supervisor")
        if pid and not asked:
            os.kill(pid, signal.SIGTERM)
            supervisor, asked = pid, True
        if time.monotonic() > deadline:
            raise PeerError(f"the server did not end in {_STOP_SECONDS} s; end process {pid} yourself")
        time.sleep(0.1)
    _wait_until_gone(supervisor)
    return True


def read_state(kit: Kit) -> dict[str, Any]:
    """What the supervisor last wrote; empty when none runs."""
    try:
        content: dict[str, Any] = json.loads((kit.run / STATE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content


def _wait_until_gone(process: int) -> None:
    deadline = time.monotonic() + _GONE_SECONDS
    with contextlib.suppress(ProcessLookupError):
        while process and time.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(process, os.WNOHANG)
            os.kill(process, 0)
            time.sleep(0.05)


def _launch(kit: Kit) -> subprocess.Popen[bytes]:
    private_folder(kit.log)
    (kit.run / STATE).unlink(missing_ok=True)
    with (kit.log / _LOG).open("wb") as log:
        return subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "server.supervisor", str(kit.folder)],
            cwd=private_folder(kit.work),
            env=flower_environment(kit.home),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            umask=PRIVATE_UMASK,
        )


def _why(kit: Kit) -> str:
    said = (kit.log / _LOG).read_text("utf-8", "replace").splitlines()
    errors = [line.partition("error: ")[2] for line in said if "error: " in line]
    return errors[-1] if errors else f"the server did not start; see {kit.log / _LOG}"
