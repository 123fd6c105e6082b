"""Admitting a site's public key under its name, and taking it away."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from flwr.supercore.primitives.asymmetric import public_key_to_bytes

from common.errors import DataError, UsageError
from server.control import Control
from server.kit import Kit
from server.status import active

_LONGEST_KEY_FILE = 4096


@dataclass(frozen=True)
class SiteKey:
    """A site's public key as it was handed over."""

    name: str
    key: ec.EllipticCurvePublicKey
    fingerprint: str
    """As `ssh-keygen -lf` prints it."""


@dataclass(frozen=True)
class Admitted:
    """What became of a key."""

    key: SiteKey
    node_id: int
    new: bool


def read_site_key(path: Path, roster: tuple[str, ...]) -> SiteKey:
    """Read NAME.pub; DataError when it is no P-384 key or its name is not in the roster."""
    line = _read(path)
    words = line.decode("ascii", "replace").split()
    name = words[2] if len(words) == 3 else path.stem
    try:
        key = serialization.load_ssh_public_key(line)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise DataError(f"{path}: is no public key in OpenSSH's form; ask the site for its NAME.pub again") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp384r1":
        raise DataError(f"{path}: is no ECDSA P-384 key; let the site make one: pdl1es-site enroll")
    if name not in roster:
        raise DataError(
            f"{path}: the key is of {name!r:.60}, the roster has {', '.join(roster)}; a site outside it gets nothing"
        )
    digest = hashlib.sha256(base64.b64decode(words[1])).digest()
    return SiteKey(name, key, "SHA256:" + base64.b64encode(digest).decode().rstrip("="))


def admit(kit: Kit, keys: list[SiteKey]) -> list[Admitted]:
    """Register each key under its name; a key that is admitted already stays; DataError when a name has another."""
    with Control(kit) as control:
        return [_admit(control, key) for key in keys]


def revoke(kit: Kit, name: str) -> int:
    """Take a site's key away; its id as a node. DataError when it has none."""
    if name not in kit.roster:
        raise UsageError(f"{name}: is not in the roster, which has {', '.join(kit.roster)}")
    with Control(kit) as control:
        node = active(control.nodes(), name)
        if node is None:
            raise DataError(f"{name}: has no admitted key; see: pdl1es-server status {kit.folder}")
        control.unregister(node.node_id)
        return node.node_id


def _admit(control: Control, key: SiteKey) -> Admitted:
    node = active(control.nodes(), key.name)
    if node is None:
        return Admitted(key, control.register(key.name, key.key), new=True)
    if node.public_key == public_key_to_bytes(key.key):
        return Admitted(key, node.node_id, new=False)
    raise DataError(
        f"{key.name}: is admitted with another key; if the site made a new one, first: "
        f"pdl1es-server revoke KIT {key.name}"
    )


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            line = file.read(_LONGEST_KEY_FILE + 1)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); give the NAME.pub that the site sent") from error
    if b"PRIVATE" in line:
        raise DataError(f"{path}: is a PRIVATE key, it must not leave its site; ask for NAME.pub and a new key")
    if len(line) > _LONGEST_KEY_FILE:
        raise DataError(f"{path}: is too long for a public key; give the NAME.pub that the site sent")
    return line
