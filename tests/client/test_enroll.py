"""`pdl1es-site enroll` and `join`: the key stays, what does not fit is refused, a server in trouble is named."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import socket
import ssl
import stat
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import call
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from client.__main__ import main
from client.federation_folder import fingerprint
from common.errors import PeerError
from common.signing_key import make_signing_key, signing_key, write_public_key
from common.tls_probe import Answer, clock_fault, probe, split_address
from server.certificates import Issued, make_ca, make_server_certificate
from server.provision import provision

PRESETS = Path(__file__).parents[2] / "simulation" / "presets"


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    code, out, err = call(main, "pdl1es-site", capsys, *words)
    return code, out + err


def study_file(folder: Path, *, quorum: int = 2) -> Path:
    table = (PRESETS / "federation.toml").read_text("utf-8").partition("[synthetic")[0]
    text = (PRESETS / "quick.toml").read_text("utf-8") + table
    text = re.sub(r"(?m)^roster = .*", 'roster = ["north", "south"]', text)
    path = folder / "study.toml"
    path.write_text(re.sub(r"(?m)^quorum = .*", f"quorum = {quorum}", text))
    return path


@pytest.fixture
def kit(tmp_path: Path) -> Path:
    provision(study_file(tmp_path), tmp_path / "kit", hosts=["localhost"], port=9400)
    return tmp_path / "kit"


@pytest.fixture
def folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert run(capsys, "init", tmp_path / "north", "--name", "north")[0] == 0
    return tmp_path / "north"


@pytest.fixture
def enrolled(folder: Path, kit: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    code, text = run(capsys, "enroll", folder, "--kit", kit / "sites" / "north")
    assert code == 0, text
    assert f"pdl1es-site approve {folder}" in text
    code, text = run(capsys, "approve", folder, "--yes")
    assert code == 0, text
    return folder


def test_a_site_makes_its_own_key(enrolled: Path, kit: Path) -> None:
    place = enrolled / "federation"
    private = serialization.load_ssh_private_key((place / "site.key").read_bytes(), password=None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    assert private.curve.name == "secp384r1"
    public = (place / "north.pub").read_bytes()
    assert serialization.load_ssh_public_key(public) == private.public_key()
    assert public.split()[2] == b"north"
    for name in ("site.key", "superexec.secret"):
        assert stat.S_IMODE((place / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert (place / "signer.pem").read_bytes() == (kit / "sites" / "north" / "signing.pub").read_bytes()
    for name in ("ca.crt", "study.toml", "site-kit.json"):
        assert (place / name).read_bytes() == (kit / "sites" / "north" / name).read_bytes()


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
def test_the_fingerprint_is_the_one_of_ssh_keygen(enrolled: Path) -> None:
    path = enrolled / "federation" / "north.pub"
    done = subprocess.run(["ssh-keygen", "-lf", str(path)], capture_output=True, text=True, check=True)
    assert fingerprint(path.read_bytes()) in done.stdout
    derived = subprocess.run(
        ["ssh-keygen", "-yf", str(enrolled / "federation" / "site.key")], capture_output=True, text=True, check=True
    )
    assert derived.stdout.split()[:2] == path.read_text().split()[:2]


def test_enrolling_again_keeps_the_key(enrolled: Path, kit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (enrolled / "federation" / "site.key").read_bytes()
    code, text = run(capsys, "enroll", enrolled, "--kit", kit / "sites" / "north")
    assert code == 0
    assert "the same as before" in text
    assert (enrolled / "federation" / "site.key").read_bytes() == before


def test_a_new_key_is_made_when_asked_for(enrolled: Path, kit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = enrolled / "federation"
    before, public = (place / "site.key").read_bytes(), (place / "north.pub").read_bytes()
    assert run(capsys, "enroll", enrolled, "--kit", kit / "sites" / "north", "--new-key")[0] == 0
    assert (place / "site.key").read_bytes() != before
    assert (place / "north.pub").read_bytes() != public
    assert [path.read_bytes() for path in place.glob("*.replaced-*")] == [before]


def spoil(kit: Path, what: str) -> str:
    """Change one thing of a kit; the word the refusal must have."""
    if what == "study":
        with (kit / "study.toml").open("a") as file:
            file.write("# edited\n")
        return "never edited"
    if what == "ca":
        (kit / "ca.crt").write_bytes(make_ca("other").certificate)
        return "do not go on"
    if what == "no ca":
        (kit / "ca.crt").unlink()
        return "PEM"
    if what == "signing key":
        make_signing_key(kit / "other.key")
        write_public_key(signing_key(kit / "other.key"), kit / "signing.pub")
        return "not the key that the kit names"
    content = json.loads((kit / "site-kit.json").read_text())
    content |= {"name": "west"} if what == "name" else {"surprise": 1}
    (kit / "site-kit.json").write_text(json.dumps(content))
    return "roster" if what == "name" else "surprise"


@pytest.mark.parametrize("what", ["study", "ca", "no ca", "name", "key", "signing key"])
def test_a_kit_that_does_not_fit(folder: Path, kit: Path, capsys: pytest.CaptureFixture[str], what: str) -> None:
    word = spoil(kit / "sites" / "north", what)
    code, text = run(capsys, "enroll", folder, "--kit", kit / "sites" / "north")
    assert (code, len(text.strip().splitlines())) == (1, 1)
    assert word in text
    assert not (folder / "federation" / "site.key").exists()


def test_another_study_is_refused(enrolled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    provision(study_file(tmp_path, quorum=1), tmp_path / "other", hosts=["localhost"], port=9400)
    code, text = run(capsys, "enroll", enrolled, "--kit", tmp_path / "other" / "sites" / "north")
    assert code == 1
    assert "is enrolled as north" in text


def test_the_kit_of_another_site(folder: Path, kit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = run(capsys, "enroll", folder, "--kit", kit / "sites" / "south")
    assert (code, len(text.strip().splitlines())) == (1, 1)
    assert "'north'" in text
    assert "'south'" in text


def test_a_folder_that_is_no_kit(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = run(capsys, "enroll", folder, "--kit", tmp_path / "nothing")
    assert (code, len(text.strip().splitlines())) == (1, 1)


def test_join_needs_an_enrolled_site(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = run(capsys, "join", folder)
    assert (code, len(text.strip().splitlines())) == (1, 1)
    assert "pdl1es-site enroll" in text


def test_join_refuses_an_edited_study_and_an_open_key(enrolled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (enrolled / "federation" / "site.key").chmod(0o644)
    code, text = run(capsys, "join", enrolled)
    assert code == 1
    assert "chmod 600" in text
    (enrolled / "federation" / "site.key").chmod(0o600)
    (enrolled / "federation" / "study.toml").write_text("name = 'x'\n")
    code, text = run(capsys, "join", enrolled)
    assert code == 1
    assert "never edited" in text


@pytest.mark.parametrize("address", ["https://localhost:9400", "localhost", "localhost:0", "localhost:99999", "a b:1"])
def test_join_refuses_what_is_no_address(enrolled: Path, capsys: pytest.CaptureFixture[str], address: str) -> None:
    assert run(capsys, "join", enrolled, "--server", address)[0] == 2


@contextlib.contextmanager
def listening(issued: Issued | None, folder: Path, *, answer: bytes = b"") -> Iterator[str]:
    """A server that answers each connection with some bytes, over TLS when it has a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if issued else None
    if context and issued:
        (folder / "pair.pem").write_bytes(issued.certificate + issued.key)
        context.load_cert_chain(folder / "pair.pem")

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                connection: socket.socket = listener.accept()[0]
            except OSError:
                return
            with contextlib.suppress(OSError):
                connection = context.wrap_socket(connection, server_side=True) if context else connection
                connection.recv(1000)
                connection.sendall(answer)
            connection.close()

    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=serve, args=(listener,), daemon=True)
    thread.start()
    try:
        yield f"localhost:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(timeout=5)


def authority(kit: Path) -> Issued:
    return Issued((kit / "server" / "ca.key").read_bytes(), (kit / "server" / "ca.crt").read_bytes())


@pytest.mark.parametrize(
    ("trouble", "word"),
    [
        ("expired", "certificate has expired"),
        ("other host", "not for localhost"),
        ("other ca", "not of this study's CA"),
        ("no tls", "does not speak TLS"),
        ("clock", "behind the server's"),
    ],
)
def test_join_names_what_is_wrong_with_the_server(
    enrolled: Path, kit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], trouble: str, word: str
) -> None:
    issued = {
        "expired": lambda: make_server_certificate(authority(kit), ["localhost"], days=-1),
        "other host": lambda: _for_another_host(authority(kit)),
        "other ca": lambda: make_server_certificate(make_ca("other"), ["localhost"]),
        "no tls": lambda: None,
        "clock": lambda: make_server_certificate(authority(kit), ["localhost"]),
    }[trouble]()
    late = b"HTTP/1.1 200 OK\r\ndate: Fri, 01 Jan 2100 00:00:00 GMT\r\ncontent-length: 0\r\n\r\n"
    with listening(issued, tmp_path, answer=late) as address:
        code, text = run(capsys, "join", enrolled, "--server", address)
    assert (code, len(text.strip().splitlines())) == (3, 1), text
    assert word in text


def test_join_says_when_nothing_answers(enrolled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        code, text = run(capsys, "join", enrolled, "--server", f"localhost:{taken.getsockname()[1]}")
    assert (code, len(text.strip().splitlines())) == (3, 1)
    assert "refuses connections" in text
    code, text = run(capsys, "join", enrolled, "--server", "no-such-host.invalid:9400")
    assert code == 3
    assert "not known" in text


def test_a_clock_is_judged_as_flower_does() -> None:
    assert clock_fault(Answer(200, None)) is None
    assert clock_fault(Answer(200, 4.0)) is None
    assert clock_fault(Answer(200, -290.0)) is None
    assert "ahead of" in str(clock_fault(Answer(200, 6.0)))
    assert "behind" in str(clock_fault(Answer(200, -301.0)))


def test_addresses() -> None:
    assert split_address("server.example.org:9400") == ("server.example.org", 9400)
    assert split_address("[::1]:9400") == ("::1", 9400)
    with pytest.raises(PeerError, match="not known"):
        probe("no-such-host.invalid:1", Path(ssl.get_default_verify_paths().openssl_cafile))


def _for_another_host(ca: Issued) -> Issued:
    """A certificate that names neither localhost nor 127.0.0.1."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("server.certificates.ALWAYS", ())
        return make_server_certificate(ca, ["server.example.org"])
