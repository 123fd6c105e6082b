"""What every process of Flower gets from us: no telemetry, no installs, a private home, no files for others."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from common import atomic
from common.errors import UsageError

PRIVATE_UMASK = 0o077
QUIET = {
    "FLWR_TELEMETRY_ENABLED": "0",
    "FLWR_DISABLE_UPDATE_CHECK": "1",
    "FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "HF_HUB_OFFLINE": "1",
}
_FASTER = {"FLWR_SUPEREXEC_TASK_POLL_INTERVAL": "0.2"}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_NOT_INHERITED = ("FLWR_INTERNAL_GRPC_CONTROL_API", "FLWR_INTERNAL_GRPC_FLEET_API", "FLWR_OIDC_ENABLED")
"""Would open a second, unguarded way in, or close the only one."""


def flower_environment(home: Path) -> dict[str, str]:
    """The environment of a Flower process whose settings and bundles live in `home`; loopback is never proxied."""
    kept = {key: value for key, value in os.environ.items() if key not in _NOT_INHERITED}
    direct = ",".join(dict.fromkeys((*_LOOPBACK, *filter(None, kept.get("NO_PROXY", "").split(",")))))
    return (
        kept
        | _FASTER
        | QUIET
        | {
            "FLWR_HOME": str(home),
            "NO_PROXY": direct,
            "no_proxy": direct,
            "PATH": os.pathsep.join((str(_programs()), kept.get("PATH", os.defpath))),
            "PYTHONUNBUFFERED": "1",
        }
    )


def silence_flower(home: Path) -> None:
    """The same for this process; to be called before the first import of Flower."""
    os.environ.update(flower_environment(home))


def flower_program(name: str) -> str:
    """Path of one of Flower's programs beside this Python; UsageError when it is not installed."""
    found = shutil.which(name, path=str(_programs()))
    if found is None:
        raise UsageError(f"{name} is not in {_programs()}; install pdl1es there again, Flower comes with it")
    return found


def private_folder(path: Path) -> Path:
    """Make a folder that only its owner can enter."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def write_private(path: Path, data: bytes) -> None:
    """Write a new file that only its owner can read, on disk for good; FileExistsError when there is one."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        # half a key would stand in the way of the next one
        path.unlink(missing_ok=True)
        raise
    atomic.sync_folder(path.parent)


def _programs() -> Path:
    return Path(sys.executable).parent
