"""The two programs with which a site takes part, and the lock that keeps it at one of each."""

from __future__ import annotations

import fcntl
import socket
import sys
from pathlib import Path
from typing import IO

from client.enrolled_server import SERVER_CA, enrolled_server
from client.federation_folder import FederationFolder
from common.errors import UsageError
from common.flower_environment import flower_environment
from common.processes import Child


def node_and_runner(folder: FederationFolder, *, server: str, app: str) -> tuple[Child, Child]:
    """The SuperNode and the task runner beside it, not started yet."""
    address = f"127.0.0.1:{_free_port()}"
    environment = flower_environment(folder.home)
    host, _, port = address.rpartition(":")
    node = [
        *(sys.executable, "-m", "client.node"),
        *("--superlink", server, "--root-certificates", str(folder.ca_certificate)),
        *("--auth-supernode-private-key", str(folder.key)),
        *("--isolation", "process", "--superexec-auth-secret-file", str(folder.secret)),
        *("--host", host, "--port", port),
        *("--node-config", f"site-folder={_quoted(folder.site)} {SERVER_CA}='{enrolled_server(folder.site)}'"),
    ]
    runner = [
        *(sys.executable, "-m", "client.task_runner"),
        *("--runtime-api-address", address, "--secret", str(folder.secret), "--app", app),
    ]
    first, second = (
        Child(name, command, environment=environment, folder=folder.work, log=folder.log / f"{name}.log")
        for name, command in (("node", node), ("tasks", runner))
    )
    return first, second


def _quoted(path: Path) -> str:
    text = str(path)
    if "'" in text or "\n" in text:
        raise UsageError(f"{text}: Flower takes no folder with ' in its name; rename it")
    return f"'{text}'"


def _free_port() -> int:
    with socket.socket() as probe_socket:
        probe_socket.bind(("127.0.0.1", 0))
        port: int = probe_socket.getsockname()[1]
        return port


def locked(folder: FederationFolder) -> IO[bytes]:
    """The lock of a site that takes part; UsageError when it does already."""
    lock = (folder.run / "lock").open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise UsageError(f"{folder.site}: takes part already, another pdl1es-site join runs; end that one") from error
    return lock
