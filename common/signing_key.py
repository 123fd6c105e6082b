"""The Ed25519 key that seals signatures: made once, kept private, known by the fingerprint of its public half."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from common import atomic
from common.errors import DataError, UsageError
from common.flower_environment import write_private

SIGNING_KEY, SIGNING_PUB = "signing.key", "signing.pub"
LARGEST_KEY_FILE = 4096
_HEX = re.compile(r"[0-9a-f]{64}")


def make_signing_key(path: Path) -> Ed25519PrivateKey:
    """A new key, written as PKCS8 in PEM that only its owner can read; FileExistsError when there is one."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, pem)
    return key


def load_signing_key(path: Path) -> Ed25519PrivateKey:
    """The key of a file; DataError when it is missing, others can read it, or it is no Ed25519 key."""
    try:
        data = path.read_bytes()
        key = serialization.load_pem_private_key(data, password=None)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); it seals signatures, bring it back") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise DataError(f"{path}: is no private key in PEM without a password; bring the right file back") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise DataError(f"{path}: is a key of another kind, signatures are sealed with Ed25519; bring the right one")
    if path.stat().st_mode & 0o077:
        raise DataError(f"{path}: others can read this key; run: chmod 600 {path}")
    return key


def signing_key(path: Path) -> Ed25519PrivateKey:
    """The key of a file, made now when there is none; errors as `load_signing_key`."""
    return load_signing_key(path) if path.exists() else make_signing_key(path)


def write_public_key(key: Ed25519PrivateKey, path: Path) -> None:
    """Write the public half in PEM, for those who are to trust it."""
    atomic.write_bytes(path, key.public_key().public_bytes(*_PEM))


def read_public_key(path: Path) -> bytes:
    """The 32 raw bytes of a public key in PEM; DataError when the file holds something else."""
    try:
        with path.open("rb") as file:
            key = serialization.load_pem_public_key(file.read(LARGEST_KEY_FILE))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); give a {SIGNING_PUB}") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise DataError(f"{path}: is no public key in PEM; give the {SIGNING_PUB} of who sealed") from error
    if not isinstance(key, Ed25519PublicKey):
        raise DataError(f"{path}: is a key of another kind, signatures are sealed with Ed25519; give a {SIGNING_PUB}")
    return key.public_bytes_raw()


def key_fingerprint(public_key: bytes) -> str:
    """SHA-256 of the raw public key, in pairs to be read aloud."""
    digest = hashlib.sha256(public_key).hexdigest()
    return ":".join(digest[place : place + 2] for place in range(0, len(digest), 2))


def trusted_fingerprint(text: str) -> str:
    """The fingerprint of a trusted key, given as the path of its file or as the fingerprint itself.

    UsageError when it is neither, DataError when the file holds no such key.
    """
    digits = re.sub(r"[\s:]", "", text.removeprefix("SHA256:")).lower()
    if _HEX.fullmatch(digits):
        return ":".join(digits[place : place + 2] for place in range(0, len(digits), 2))
    if not Path(text).is_file():
        raise UsageError(
            f"--trusted {text}: is neither a file nor a fingerprint; give {SIGNING_PUB}, or 64 hexadecimal digits"
        )
    return key_fingerprint(read_public_key(Path(text)))


def is_signed(public_key: bytes, signature: bytes, data: bytes) -> bool:
    """Whether a signature over these bytes is this key's."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


_PEM = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
