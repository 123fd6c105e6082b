"""The three programs of a server and what each is started with."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Iterator

from common import atomic
from common.errors import DataError, PeerError
from common.flower_environment import flower_environment, flower_program, private_folder
from common.processes import Child
from server.certificates import days_left, load_certificate, signed_by
from server.kit import Kit, connection_text

SUPERLINK, SUPEREXEC, PROXY = "superlink", "superexec", "proxy"


def children(kit: Kit) -> tuple[Child, Child, Child]:
    """SuperLink, SuperExec and proxy of a kit, not started yet, in the order to start them."""
    environment = flower_environment(kit.home)
    for folder in (kit.home, kit.database.parent, kit.work, kit.run, kit.log):
        private_folder(folder)
    # follows the folder when the kit was moved, and the ports when they were changed
    atomic.write_text(kit.home / "config.toml", connection_text(kit, port=kit.settings.superlink_port))
    commands = {SUPERLINK: _superlink(kit), SUPEREXEC: _superexec(kit), PROXY: _proxy(kit)}
    first, second, third = (
        Child(name, command, environment=environment, folder=kit.work, log=kit.log / f"{name}.log")
        for name, command in commands.items()
    )
    return first, second, third


def check_start(kit: Kit) -> None:
    """Refuse a start that must fail: an expired certificate (DataError), a port in use (PeerError)."""
    certificate = load_certificate(kit.certificate)
    left = days_left(certificate)
    if left <= 0:
        raise DataError(f"{kit.certificate}: expired {-left:.0f} days ago; run: pdl1es-server renew {kit.folder}")
    if not signed_by(certificate, load_certificate(kit.ca_certificate)):
        raise DataError(f"{kit.certificate}: is not of this kit's CA; run: pdl1es-server renew {kit.folder}")
    for host, port in kit.settings.ports:
        try:
            with _bound(host, port):
                pass
        except OSError as error:
            raise PeerError(
                f"{host}:{port}: cannot be opened ({error.strerror}); "
                f"end the program that has it, or change the port in {kit.settings_file}"
            ) from error


@contextlib.contextmanager
def _bound(host: str, port: int) -> Iterator[None]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        yield


def _superlink(kit: Kit) -> list[str]:
    settings = kit.settings
    return [
        flower_program("flower-superlink"),
        *("--host", "127.0.0.1", "--port", str(settings.superlink_port)),
        *("--ssl-ca-certfile", str(kit.ca_certificate)),
        *("--ssl-certfile", str(kit.certificate), "--ssl-keyfile", str(kit.key)),
        "--enable-supernode-auth",
        *("--isolation", "process", "--superexec-auth-secret-file", str(kit.secret)),
        "--disable-runtime-dependency-installation",
        *("--database", str(kit.database)),
        *("--health-server-address", f"127.0.0.1:{settings.superlink_health_port}"),
    ]


def _superexec(kit: Kit) -> list[str]:
    settings = kit.settings
    return [
        flower_program("flower-superexec"),
        *("--runtime-api-address", f"127.0.0.1:{settings.superlink_port}"),
        *("--root-certificates", str(kit.ca_certificate)),
        *("--superexec-auth-secret-file", str(kit.secret)),
        *("--health-server-address", f"127.0.0.1:{settings.superexec_health_port}"),
    ]


def _proxy(kit: Kit) -> list[str]:
    return [sys.executable, "-m", "server.fleet_proxy", str(kit.folder)]
