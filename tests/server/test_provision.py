"""`pdl1es-server provision` and `renew`: what a kit holds, who may read it, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from federations import ROSTER, free_ports, one_line, server, study_file

from common.study import study_sha256
from server.certificates import Issued, make_server_certificate, signed_by


@pytest.fixture
def kit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    folder = tmp_path / "kit"
    words = ("--host", "server.example.org", "--host", "10.1.2.3", "--port", free_ports())
    code, text = server(capsys, "provision", study_file(tmp_path), "--out", folder, *words)
    assert code == 0, text
    return folder


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_everything_of_the_server_is_private(kit: Path) -> None:
    for path in (kit, *(kit / "server").rglob("*"), kit / "sites"):
        assert not path.stat().st_mode & 0o077, path


def test_a_site_gets_no_private_key_and_all_it_needs(kit: Path) -> None:
    assert {folder.name for folder in (kit / "sites").iterdir()} == set(ROSTER)
    for folder in (kit / "sites").iterdir():
        assert {path.name for path in folder.iterdir()} == {"ca.crt", "study.toml", "signing.pub", "site-kit.json"}
        assert all(b"PRIVATE" not in path.read_bytes() for path in folder.iterdir())
        content = json.loads((folder / "site-kit.json").read_text())
        assert content["name"] == folder.name
        assert content["server"].startswith("server.example.org:")
        assert content["study_sha256"] == study_sha256(kit / "server" / "study.toml")


def test_the_certificate_is_for_the_hosts_and_this_machine(kit: Path) -> None:
    issued = certificate(kit / "server" / "server.crt")
    names = issued.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["server.example.org", "localhost"]
    assert {str(address) for address in names.get_values_for_type(x509.IPAddress)} == {"10.1.2.3", "127.0.0.1"}
    assert signed_by(issued, certificate(kit / "server" / "ca.crt"))


def test_a_kit_is_never_overwritten(kit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (kit / "server" / "ca.key").read_bytes()
    code, text = server(capsys, "provision", study_file(kit.parent), "--out", kit)
    assert (code, one_line(text)) == (2, True)
    assert (kit / "server" / "ca.key").read_bytes() == before


@pytest.mark.parametrize("words", [("--host", "https://x"), ("--host", "x y"), ("--port", 65535), ("--port", 0)])
def test_what_cannot_work_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[object]) -> None:
    code, text = server(capsys, "provision", study_file(tmp_path), "--out", tmp_path / "kit", *words)
    assert (code, one_line(text)) == (2, True)
    assert not (tmp_path / "kit").exists()


def test_a_study_without_federation_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = study_file(tmp_path)
    study.write_text(study.read_text().partition("[federation]")[0])
    code, text = server(capsys, "provision", study, "--out", tmp_path / "kit")
    assert code == 1
    assert "[federation]" in text


def test_renew_keeps_the_ca(kit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = certificate(kit / "server" / "server.crt")
    assert server(capsys, "renew", kit, "--days", 30)[0] == 0
    after = certificate(kit / "server" / "server.crt")
    assert before.serial_number != after.serial_number
    assert signed_by(after, certificate(kit / "server" / "ca.crt"))
    assert not (kit / "server" / "server.key").stat().st_mode & 0o077


def test_an_expired_certificate_is_named_before_the_start(kit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = kit / "server"
    ca = Issued((folder / "ca.key").read_bytes(), (folder / "ca.crt").read_bytes())
    expired = make_server_certificate(ca, ["localhost"], days=-2)
    (folder / "server.crt").write_bytes(expired.certificate)
    code, text = server(capsys, "start", kit)
    assert (code, one_line(text)) == (1, True)
    assert "expired 2 days ago" in text
    assert "renew" in text


def test_a_folder_that_is_no_kit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("start", "stop", "status", "run", "renew", "watch", "cancel"):
        code, text = server(capsys, command, tmp_path)
        assert (code, one_line(text)) == (1, True), command


@pytest.mark.parametrize("key", [ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())])
def test_another_kind_of_key_is_refused(
    kit: Path, capsys: pytest.CaptureFixture[str], key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey
) -> None:
    path = kit.parent / "hospital-a.pub"
    path.write_bytes(key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH))
    code, text = server(capsys, "admit", kit, path)
    assert (code, one_line(text)) == (1, True)
    assert "P-384" in text


def test_a_private_key_is_refused_by_name(kit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = server(capsys, "admit", kit, kit / "server" / "ca.key")
    assert code == 1
    assert "PRIVATE" in text


def test_a_key_of_a_site_outside_the_roster_is_refused(kit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = ec.generate_private_key(ec.SECP384R1()).public_key()
    path = kit.parent / "hospital-a.pub"
    line = key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    path.write_bytes(line + b" hospital-x\n")
    code, text = server(capsys, "admit", kit, path)
    assert code == 1
    assert "hospital-x" in text


def test_without_a_server_each_command_says_so(kit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = server(capsys, "run", kit)
    assert (code, one_line(text)) == (3, True)
    assert "pdl1es-server start" in text
    code, text = server(capsys, "status", kit)
    assert code == 3
    assert "not running" in text
    assert server(capsys, "stop", kit) == (0, "The server did not run.\n")
