"""A federation of real processes on this machine, from the kit to the end of a run; nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from federations import (
    ROOT,
    Joined,
    enrolled,
    free_ports,
    one_line,
    processes_of,
    server,
    study_file,
    tiny_apps,
    wait_for,
)

from server.certificates import Issued, make_server_certificate
from server.daemon import read_state, stop
from server.kit import load_kit

Capture = pytest.CaptureFixture[str]


class Federation:
    """A running server, two joined sites, and the apps."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kit = folder / "kit"
        self.bundle, self.installed = tiny_apps(folder)
        self.port = free_ports()
        self.joined: dict[str, Joined] = {}

    def join(self, name: str) -> Joined:
        self.joined[name] = Joined(self.folder / name, self.installed)
        return self.joined[name]

    def get(self, path: str, *, method: str = "GET", **more: Any) -> httpx.Response:
        context = ssl.create_default_context(cafile=str(self.kit / "server" / "ca.crt"))
        with httpx.Client(verify=context, trust_env=False) as client:
            return client.request(method, f"https://localhost:{self.port}{path}", **more)

    def raw(self, data: bytes) -> bytes:
        """The first bytes of the answer to some bytes sent over TLS."""
        context = ssl.create_default_context(cafile=str(self.kit / "server" / "ca.crt"))
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        with context.wrap_socket(plain, server_hostname="localhost") as connection:
            connection.sendall(data)
            return connection.recv(400)


def sites(capsys: Capture, kit: Path) -> dict[str, str]:
    text = server(capsys, "status", kit, "--json")[1]
    return {row["name"]: row["state"] for row in json.loads(text)["sites"]}


def command(*words: object) -> tuple[int, str]:
    line = [sys.executable, "-m", "server", *map(str, words)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    folder = tmp_path_factory.mktemp("federation")
    found = Federation(folder)
    try:
        study = study_file(folder)
        assert command("provision", study, "--out", found.kit, "--port", found.port)[0] == 0
        assert command("start", found.kit)[0] == 0
        yield found
    finally:
        for joined in found.joined.values():
            joined.end()
        if found.kit.exists():
            stop(load_kit(found.kit))
        left = processes_of(folder)
        for process in left:
            os.kill(process, signal.SIGKILL)
    assert not left


@pytest.fixture(scope="module")
def two_sites(federation: Federation) -> Federation:
    for name in ("hospital-a", "hospital-b"):
        place = federation.folder / name
        words = [sys.executable, "-m", "client"]
        subprocess.run([*words, "init", str(place), "--name", name], check=True, capture_output=True)
        kit = str(federation.kit / "sites" / name)
        subprocess.run([*words, "enroll", str(place), "--kit", kit], check=True, capture_output=True)
        subprocess.run([*words, "approve", str(place), "--yes"], check=True, capture_output=True)
        code, text = command("admit", federation.kit, place / "federation" / f"{name}.pub")
        assert code == 0, text
        federation.join(name)
    for joined in federation.joined.values():
        joined.says("connected to")
    return federation


def test_only_fleet_calls_pass(federation: Federation) -> None:
    closed = [
        *("/v1/control/start-run", "/v1/control/list-runs", "/v1/control/register-node"),
        *("/v1/runtime/acquire-task", "/v1/runtime/responses", "/docs", "/openapi.json", "/"),
        *("/v1/fleet/register-node", "/v1/fleet/unregister-node", "/v1/fleet/../control/list-runs"),
        *("/v1/fleet/%2e%2e/control/list-runs", "/v1/fleet/pull-messages/", "//v1/control/list-runs"),
        "/v1/fleet/pull-messages?path=/v1/control/list-runs",
    ]
    for path in closed:
        for method in ("GET", "POST"):
            assert federation.get(path, method=method, content=b"").status_code == 404, (method, path)
    assert federation.get("/health").status_code == 200
    assert federation.get("/v1/fleet/pull-messages").status_code == 405


def test_flower_itself_listens_on_loopback_only(federation: Federation) -> None:
    pids = read_state(load_kit(federation.kit))["programs"]
    inodes = {
        str(link.readlink())
        for pid in pids.values()
        for link in Path(f"/proc/{pid}/fd").iterdir()
        if link.is_symlink() and "socket" in str(link.readlink())
    }
    listening = [
        row.split()
        for table in ("tcp", "tcp6")
        for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        if row.split()[3] == "0A" and f"socket:[{row.split()[9]}]" in inodes
    ]
    assert len(listening) >= 4
    loopback = ("0100007F:", "00000000000000000000000001000000:", "0000000000000000FFFF00000100007F:")
    assert all(row[1].startswith(loopback) for row in listening), listening


def test_the_state_is_private(federation: Federation) -> None:
    database = federation.kit / "server" / "state" / "superlink.db"
    assert database.is_file()
    for path in (federation.kit / "server").rglob("*"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


@pytest.mark.parametrize(
    "data", [os.urandom(4096), b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"\0" * 100, b""]
)
def test_garbage_on_the_port_is_survived(federation: Federation, data: bytes) -> None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", federation.port), timeout=5) as connection:
            connection.sendall(data)
    assert federation.get("/health").status_code == 200


def test_garbage_inside_tls_is_survived(federation: Federation) -> None:
    long_head = b"POST /v1/fleet/pull-messages HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 40000
    chunked = b"POST /v1/fleet/pull-messages HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    smuggled = chunked.replace(b"Transfer", b"Content-Length: 5\r\nTransfer") + b"0\r\n\r\nPOST /v1/control/list-runs"
    assert b" 400 " in federation.raw(os.urandom(999) + b"\r\n\r\n")
    assert b" 400 " in federation.raw(long_head)
    assert b" 411 " in federation.raw(chunked)
    assert b" 200 " not in federation.raw(smuggled)
    assert federation.get("/health").status_code == 200


def test_what_is_not_flower_or_too_large_is_refused(federation: Federation) -> None:
    call = "/v1/fleet/pull-messages"
    head = b"POST /v1/fleet/push-object HTTP/1.1\r\nHost: x\r\nContent-Length: "
    assert b" 413 " in federation.raw(head + str(2**40).encode() + b"\r\n\r\n")
    assert federation.get(call, method="POST", content=os.urandom(2000)).status_code in (400, 415, 422)
    protobuf = {"content-type": "application/x-protobuf"}
    assert federation.get(call, method="POST", content=b"", headers=protobuf).status_code in (400, 401, 415)


def test_a_second_start_and_a_port_in_use(federation: Federation, tmp_path: Path, capsys: Capture) -> None:
    code, text = server(capsys, "start", federation.kit)
    assert (code, one_line(text)) == (2, True)
    assert "runs already" in text
    other = tmp_path / "kit"
    assert server(capsys, "provision", study_file(tmp_path), "--out", other, "--port", federation.port)[0] == 0
    code, text = server(capsys, "start", other)
    assert (code, one_line(text)) == (3, True)
    assert str(federation.port) in text


def test_an_unregistered_key_is_refused(federation: Federation, capsys: Capture) -> None:
    place = federation.folder / "hospital-c"
    enrolled(capsys, federation.kit, place, "hospital-c")
    joined = Joined(place, federation.installed)
    assert joined.process.wait(timeout=90) == 3
    assert "error: the server does not let hospital-c in" in joined.said
    assert "Traceback" not in joined.said
    assert sites(capsys, federation.kit)["hospital-c"] == "never enrolled"


def test_a_run_from_start_to_end(two_sites: Federation, capsys: Capture) -> None:
    assert sites(capsys, two_sites.kit) == {
        "hospital-a": "online",
        "hospital-b": "online",
        "hospital-c": "never enrolled",
    }
    out = two_sites.folder / "out"
    code, text = server(capsys, "run", two_sites.kit, "--out", out, "--app", two_sites.bundle)
    assert code == 0, text
    assert "the server's app saw ['hospital-a', 'hospital-b']" in text
    results = json.loads((out / "results.json").read_text())
    for name, said in results["hello"].items():
        assert said["folder"] == str(two_sites.folder / name)
        assert said["code"].startswith(str(two_sites.installed)), "the server's code ran in the hospital"
    assert results["hello"]["hospital-a"]["draw"] != results["hello"]["hospital-b"]["draw"]
    assert "4711" not in json.dumps(results), "an exception's text left the hospital"
    assert not out.stat().st_mode & 0o077
    two_sites.joined["hospital-a"].says("answered")
    runs = json.loads(server(capsys, "status", two_sites.kit, "--json")[1])["runs"]
    assert runs[0]["status"] == "completed"


@pytest.mark.slow
def test_a_finished_folder_is_only_resumed(two_sites: Federation, capsys: Capture) -> None:
    out = two_sites.folder / "taken"
    out.mkdir()
    (out / "please-fail").touch()
    code, text = server(capsys, "run", two_sites.kit, "--out", out, "--app", two_sites.bundle)
    assert (code, one_line(text)) == (2, True)
    assert "--resume" in text
    code, text = server(capsys, "run", two_sites.kit, "--out", out, "--resume", "--app", two_sites.bundle)
    assert code == 3
    assert text.strip().endswith("error: no quorum; try again")
    assert "Traceback" not in text
    assert json.loads((out / "results.json").read_text())["resume"] is True


@pytest.mark.slow
def test_ctrl_c_leaves_the_run_going_and_cancel_stops_it(two_sites: Federation, capsys: Capture) -> None:
    out = two_sites.folder / "long"
    out.mkdir()
    (out / "please-wait").touch()
    line = [sys.executable, "-m", "server", "run", two_sites.kit, "--out", out, "--resume", "--app", two_sites.bundle]
    with subprocess.Popen(list(map(str, line)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
        assert run.stdout is not None
        said = ""
        while "waiting" not in said:
            said += run.stdout.readline()
            assert run.poll() is None, said
        run.send_signal(signal.SIGINT)
        said = run.stdout.read()
        assert run.wait(timeout=30) == 130
    assert "goes on" in said
    assert "pdl1es-server watch" in said
    code, text = server(capsys, "run", two_sites.kit, "--out", two_sites.folder / "other", "--app", two_sites.bundle)
    assert (code, one_line(text)) == (2, True)
    assert "goes on" in text
    assert server(capsys, "cancel", two_sites.kit)[0] == 0
    runs = json.loads(server(capsys, "status", two_sites.kit, "--json")[1])["runs"]
    assert runs[0]["status"] == "stopped"
    assert server(capsys, "watch", two_sites.kit) == (0, "No run goes on.\n")


@pytest.mark.slow
def test_a_killed_superlink_comes_back_and_the_sites_with_it(two_sites: Federation, capsys: Capture) -> None:
    kit = load_kit(two_sites.kit)
    killed = read_state(kit)["programs"]["superlink"]
    os.kill(killed, signal.SIGKILL)
    two_sites.joined["hospital-a"].says("lost: ")
    two_sites.joined["hospital-a"].says("reconnected")
    wait_for(lambda: read_state(kit)["programs"]["superlink"] not in (None, killed))
    wait_for(lambda: server(capsys, "status", two_sites.kit)[0] == 0)
    assert sites(capsys, two_sites.kit)["hospital-a"] == "online"


@pytest.mark.slow
def test_a_killed_site_comes_back(two_sites: Federation, capsys: Capture) -> None:
    joined = two_sites.joined["hospital-b"]
    joined.process.kill()
    joined.process.wait()
    wait_for(lambda: not processes_of(two_sites.folder / "hospital-b"))
    two_sites.join("hospital-b").says("connected to", seconds=150)


@pytest.mark.slow
def test_a_site_that_leaves_is_offline_at_once(two_sites: Federation, capsys: Capture) -> None:
    joined = two_sites.joined["hospital-b"]
    started = time.monotonic()
    assert joined.end() == 0
    assert time.monotonic() - started < 20
    assert "left the federation" in joined.said
    assert sites(capsys, two_sites.kit)["hospital-b"] == "offline"
    assert not processes_of(two_sites.folder / "hospital-b")


@pytest.mark.slow
def test_a_revoked_site_is_cut_off_and_its_key_burnt(two_sites: Federation, capsys: Capture) -> None:
    joined = two_sites.joined["hospital-a"]
    assert server(capsys, "revoke", two_sites.kit, "hospital-a")[0] == 0
    assert joined.process.wait(timeout=90) == 3
    assert "revoked" in joined.said
    key = two_sites.folder / "hospital-a" / "federation" / "hospital-a.pub"
    code, text = server(capsys, "admit", two_sites.kit, key)
    assert (code, one_line(text)) == (1, True)
    assert "--new-key" in text
    assert sites(capsys, two_sites.kit)["hospital-a"] == "revoked"


@pytest.mark.slow
def test_a_second_join_of_one_folder_is_refused(two_sites: Federation) -> None:
    joined = two_sites.join("hospital-b")
    joined.says("connected to")
    second = subprocess.run(
        [sys.executable, "-m", "client", "join", str(two_sites.folder / "hospital-b")],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert (second.returncode, one_line(second.stderr)) == (2, True)


@pytest.mark.slow
def test_a_certificate_that_expired_meanwhile_is_named(federation: Federation, capsys: Capture) -> None:
    folder, place = federation.kit / "server", federation.folder / "hospital-c"
    for joined in federation.joined.values():
        joined.end()
    if not place.exists():
        enrolled(capsys, federation.kit, place, "hospital-c")
    assert server(capsys, "stop", federation.kit)[0] == 0
    ca = Issued((folder / "ca.key").read_bytes(), (folder / "ca.crt").read_bytes())
    expired = make_server_certificate(ca, ["localhost"], days=-1)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (folder / "old.pem").write_bytes(expired.certificate + expired.key)
    context.load_cert_chain(folder / "old.pem")
    with socket.create_server(("127.0.0.1", federation.port)) as listening:
        joined = Joined(place, federation.installed)
        listening.settimeout(60)
        with pytest.raises(ssl.SSLError), context.wrap_socket(listening.accept()[0], server_side=True) as connection:
            connection.recv(1)
    assert joined.process.wait(timeout=30) == 3
    assert one_line(joined.said)
    assert "certificate has expired" in joined.said
