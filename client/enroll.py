"""Enrolling a site: it makes its own key, which never leaves it, and takes the server's CA and the study."""

from __future__ import annotations

import datetime
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from client.audit.recorder import record_key
from client.federation_folder import FederationFolder, check_study, fingerprint
from client.site import load_site
from common import atomic
from common.errors import DataError
from common.flower_environment import private_folder, write_private
from common.signing_key import SIGNING_PUB, key_fingerprint, read_public_key
from common.site_kit import CA_FILE, KIT_FILE, STUDY_FILE, SiteKit, read_site_kit
from common.study import load_study


@dataclass(frozen=True)
class Enrolled:
    """What a site got and what it hands over."""

    kit: SiteKit
    site_name: str
    public_key: Path
    fingerprint: str
    new_key: bool


def enroll(site_folder: Path, kit_folder: Path, *, new_key: bool = False) -> Enrolled:
    """Check the kit, make a key unless there is one, take CA and study; DataError when the kit does not fit."""
    site = load_site(site_folder)
    kit = read_site_kit(kit_folder)
    check_kit(kit_folder, kit)
    if site.name != kit.name:
        raise DataError(
            f"{site.folder / 'site.toml'}: the name is {site.name!r}, the kit is for {kit.name!r}; "
            "take this site's own kit, or set name to what the roster has"
        )
    folder = FederationFolder(site.folder)
    _check_before(folder, kit)
    for path in (folder.folder, folder.home, folder.work, folder.run, folder.log):
        private_folder(path)
    made = _make_key(folder.key, replace=new_key)
    if not folder.secret.exists():
        write_private(folder.secret, secrets.token_hex(32).encode())
    atomic.write_bytes(folder.signer, (kit_folder / SIGNING_PUB).read_bytes())
    for name in (CA_FILE, STUDY_FILE, KIT_FILE):
        atomic.write_bytes(folder.folder / name, (kit_folder / name).read_bytes())
    public = _public_line(folder.key, kit.name)
    target = folder.public_key(kit.name)
    atomic.write_bytes(target, public)
    if made:
        record_key(site.folder, fingerprint=fingerprint(public))
    return Enrolled(kit, site.name, target, fingerprint(public), made)


def check_kit(folder: Path, kit: SiteKit) -> None:
    """DataError unless CA, study and signing key are the kit's and the site is in the study's roster."""
    check_study(folder / STUDY_FILE, kit)
    path = folder / CA_FILE
    try:
        authority = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: is no certificate in PEM; ask the coordinator for the kit again") from error
    if authority.fingerprint(hashes.SHA256()).hex() != kit.ca_sha256:
        raise DataError(f"{path}: is not the CA that the kit names; do not go on, ask the coordinator")
    if authority.not_valid_after_utc < datetime.datetime.now(datetime.UTC):
        raise DataError(f"{path}: the CA expired on {authority.not_valid_after_utc:%Y-%m-%d}; ask for a new kit")
    if key_fingerprint(read_public_key(folder / SIGNING_PUB)) != kit.signing_key:
        raise DataError(f"{folder / SIGNING_PUB}: is not the key that the kit names; do not go on, ask the coordinator")
    federation = load_study(folder / STUDY_FILE).federation
    if federation is None or kit.name not in federation.roster:
        raise DataError(f"{folder / KIT_FILE}: {kit.name} is not in the study's roster; ask for this site's own kit")


def _check_before(folder: FederationFolder, kit: SiteKit) -> None:
    if not (folder.folder / KIT_FILE).exists():
        return
    before = read_site_kit(folder.folder)
    told = ("name", "study_sha256", "ca_sha256", "signing_key")
    if any(getattr(before, name) != getattr(kit, name) for name in told):
        raise DataError(
            f"{folder.folder}: is enrolled as {before.name} in study {before.study} ({before.study_sha256[:12]}); "
            "for another study or name move this folder away first"
        )


def _make_key(path: Path, *, replace: bool) -> bool:
    if path.exists() and not replace:
        return False
    if path.exists():
        shutil.move(path, path.with_suffix(f".replaced-{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%S}"))
    key = ec.generate_private_key(ec.SECP384R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    write_private(path, pem)
    return True


def _public_line(path: Path, name: str) -> bytes:
    try:
        key = serialization.load_ssh_private_key(path.read_bytes(), password=None)
    except ValueError as error:
        raise DataError(f"{path}: is no key in OpenSSH's form; make another: --new-key") from error
    line = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return line + b" " + name.encode() + b"\n"
