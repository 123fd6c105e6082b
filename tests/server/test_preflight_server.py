"""What `pdl1es-site check --server` says of a real server: admitted, not admitted, revoked, expired, gone."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from federations import enrolled, free_ports, server, site, study_file

from client.preflight import server_checks
from client.preflight.finding import Check
from client.site import load_site
from server.certificates import Issued, make_server_certificate
from server.daemon import stop
from server.kit import load_kit

Capture = pytest.CaptureFixture[str]


def checks(folder: Path, port: int) -> dict[str, Check]:
    return {one.name: one for one in server_checks.server_checks(load_site(folder), f"localhost:{port}")}


@pytest.fixture
def kit(tmp_path: Path, capsys: Capture) -> Iterator[tuple[Path, int]]:
    folder, port = tmp_path / "kit", free_ports()
    assert server(capsys, "provision", study_file(tmp_path), "--out", folder, "--port", port)[0] == 0
    yield folder, port
    stop(load_kit(folder))


def test_a_server_that_does_not_run(kit: tuple[Path, int], tmp_path: Path, capsys: Capture) -> None:
    enrolled(capsys, kit[0], tmp_path / "a", "hospital-a")
    (found,) = checks(tmp_path / "a", kit[1]).values()
    assert (found.name, found.state) == ("Connection", "failed")
    assert "refuses connections" in found.found
    assert found.remedy


def test_a_site_that_is_not_enrolled(tmp_path: Path, capsys: Capture) -> None:
    assert site(capsys, "init", tmp_path / "a", "--name", "a")[0] == 0
    (found,) = checks(tmp_path / "a", 9400).values()
    assert (found.state, found.remedy.startswith("enroll first: ")) == ("failed", True)


def test_a_certificate_that_has_expired(kit: tuple[Path, int], tmp_path: Path, capsys: Capture) -> None:
    enrolled(capsys, kit[0], tmp_path / "a", "hospital-a")
    folder = kit[0] / "server"
    ca = Issued((folder / "ca.key").read_bytes(), (folder / "ca.crt").read_bytes())
    old = make_server_certificate(ca, ["localhost"], days=-1)
    (tmp_path / "old.pem").write_bytes(old.certificate + old.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "old.pem")

    def answer(listening: socket.socket) -> None:
        with pytest.raises(ssl.SSLError), context.wrap_socket(listening.accept()[0], server_side=True) as connection:
            connection.recv(1)

    with socket.create_server(("127.0.0.1", kit[1])) as listening:
        thread = threading.Thread(target=answer, args=(listening,))
        thread.start()
        (found,) = checks(tmp_path / "a", kit[1]).values()
        thread.join(10)
    assert (found.state, "has expired" in found.found) == ("failed", True)


@pytest.mark.slow
def test_a_running_server(
    kit: tuple[Path, int], tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, port = kit
    assert server(capsys, "start", folder)[0] == 0
    key = enrolled(capsys, folder, tmp_path / "a", "hospital-a")
    found = checks(tmp_path / "a", port)
    assert {name: one.state for name, one in found.items()} == {
        "Connection": "ok",
        "Certificate": "ok",
        "Clock": "ok",
        "Admission": "failed",
    }
    assert str(key) in found["Admission"].remedy
    assert server(capsys, "admit", folder, key)[0] == 0
    found = checks(tmp_path / "a", port)
    assert {one.state for one in found.values()} == {"ok"}
    status = server(capsys, "status", folder)[1]
    assert "online" not in status, "asking does not bring the site into the federation"
    monkeypatch.setattr(server_checks, "FEW_DAYS", 100_000)
    assert checks(tmp_path / "a", port)["Certificate"].state == "warning"
    assert server(capsys, "revoke", folder, "hospital-a")[0] == 0
    assert checks(tmp_path / "a", port)["Admission"].state == "failed"
