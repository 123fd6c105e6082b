"""Making a kit: what the coordinator keeps, and a folder to hand to each site."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import TypeAdapter, ValidationError

from common import atomic
from common.errors import DataError, UsageError
from common.flower_environment import private_folder, write_private
from common.signing_key import SIGNING_PUB, key_fingerprint, make_signing_key, write_public_key
from common.site_kit import CA_FILE, STUDY_FILE, SiteKit, write_site_kit
from common.study import load_study, study_sha256
from server.certificates import (
    SERVER_DAYS,
    Issued,
    days_left,
    load_certificate,
    make_ca,
    make_server_certificate,
)
from server.kit import Host, Kit, connection_text, federation_of, inner_port, settings_text

_INNER_PORTS = 3


@dataclass(frozen=True)
class Provisioned:
    """What was made."""

    kit: Kit
    ca_sha256: str
    study_sha256: str
    signing_key: str
    """Fingerprint of the key that will seal the signature."""
    days: float


def provision(study: Path, folder: Path, *, hosts: Sequence[str], port: int, days: int = SERVER_DAYS) -> Provisioned:
    """Make a kit for a study; UsageError when the folder is taken, StudyError when the study has no federation."""
    rules = load_study(study)
    roster = federation_of(rules, study).roster
    names = _checked_hosts(hosts)
    if not 1 <= port <= 65535 - _INNER_PORTS:
        raise UsageError(f"--port {port}: must be 1 to {65535 - _INNER_PORTS}, the {_INNER_PORTS} above are used too")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder}: is not empty, a kit and its keys are never overwritten; give another --out")
    ca = make_ca(rules.name)
    issued = make_server_certificate(ca, names, days=days)
    kit = Kit(folder)
    try:
        _write_server(kit, study, ca, issued, hosts=names, port=port)
        fingerprint = ca_fingerprint(kit.ca_certificate)
        signing = make_signing_key(kit.signing_key)
        signer = key_fingerprint(signing.public_key().public_bytes_raw())
        for site in roster:
            _write_site(
                kit,
                signing,
                name=site,
                server=_address(names[0], port),
                study=rules.name,
                study_sha256=study_sha256(kit.study_file),
                ca_sha256=fingerprint,
                signing_key=signer,
            )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Provisioned(kit, fingerprint, study_sha256(kit.study_file), signer, days)


def renew(kit: Kit, *, days: int = SERVER_DAYS) -> float:
    """Give the server a new key and certificate of the same CA; the sites need nothing; days it is valid."""
    if not kit.ca_key.is_file():
        raise DataError(f"{kit.ca_key}: is missing, it signs the server's certificate; bring it back for this command")
    ca = Issued(kit.ca_key.read_bytes(), kit.ca_certificate.read_bytes())
    left = days_left(load_certificate(kit.ca_certificate))
    if left < days:
        raise DataError(f"{kit.ca_certificate}: expires in {left:.0f} days, before the {days} asked for; ask for less")
    issued = make_server_certificate(ca, kit.settings.hosts, days=days)
    for path, content in ((kit.key, issued.key), (kit.certificate, issued.certificate)):
        new = path.with_suffix(f"{path.suffix}.new")
        new.unlink(missing_ok=True)
        write_private(new, content)
        new.replace(path)
    return days_left(load_certificate(kit.certificate))


def ca_fingerprint(path: Path) -> str:
    """SHA-256 of a certificate in DER."""
    certificate: x509.Certificate = load_certificate(path)
    return certificate.fingerprint(hashes.SHA256()).hex()


def _write_server(kit: Kit, study: Path, ca: Issued, issued: Issued, *, hosts: tuple[str, ...], port: int) -> None:
    folders = (kit.folder, kit.server, kit.sites, kit.home, kit.database.parent, kit.work, kit.run, kit.log)
    for folder in folders:
        private_folder(folder)
    for path, content in (
        (kit.ca_key, ca.key),
        (kit.ca_certificate, ca.certificate),
        (kit.key, issued.key),
        (kit.certificate, issued.certificate),
        (kit.secret, secrets.token_hex(32).encode()),
        (kit.study_file, study.read_bytes()),
        (kit.settings_file, settings_text(hosts, port=port).encode()),
        (kit.home / "config.toml", connection_text(kit, port=inner_port(port)).encode()),
    ):
        write_private(path, content)


def _write_site(kit: Kit, signing: Ed25519PrivateKey, **told: str) -> None:
    content = SiteKit.model_validate(told)
    folder = private_folder(kit.sites / content.name)
    atomic.write_bytes(folder / CA_FILE, kit.ca_certificate.read_bytes())
    atomic.write_bytes(folder / STUDY_FILE, kit.study_file.read_bytes())
    write_public_key(signing, folder / SIGNING_PUB)
    write_site_kit(folder, content)


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _checked_hosts(hosts: Sequence[str]) -> tuple[str, ...]:
    adapter: TypeAdapter[str] = TypeAdapter(Host)
    for host in hosts:
        try:
            adapter.validate_python(host)
        except ValidationError as error:
            raise UsageError(f"--host {host}: is no host name or address; write it without scheme and port") from error
    return tuple(dict.fromkeys(hosts))
