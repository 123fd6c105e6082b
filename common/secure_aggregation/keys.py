"""Key pairs of one exchange, and keys that two sites agree on; each key serves one purpose in one exchange."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from common.errors import PeerError

_DOMAIN = "pdl1es secure aggregation 1"


@dataclass(frozen=True)
class Circumstances:
    """What a key is bound to: study, run, exchange (its random session and what is asked), phase and round."""

    study_sha256: str
    run: str
    session: str
    question_sha256: str
    phase: str
    round: int

    def label(self, purpose: str, *names: str) -> bytes:
        """Bytes that differ for every purpose, pair of sites and exchange."""
        return json.dumps([_DOMAIN, purpose, list(names), asdict(self)], sort_keys=True).encode()


@dataclass(frozen=True)
class KeyPair:
    """A private and a public X25519 key (RFC 7748), 32 bytes each."""

    private: bytes
    public: bytes

    @classmethod
    def of(cls, private: bytes) -> KeyPair:
        """The pair of a private key."""
        return cls(private, X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw())


def new_key_pair() -> KeyPair:
    """A key pair from the operating system's randomness."""
    return KeyPair.of(X25519PrivateKey.generate().private_bytes_raw())


def agreed_key(own: bytes, other: bytes, label: bytes) -> bytes:
    """The 32-byte key of two sites for one purpose: X25519, then HKDF-SHA256 (RFC 5869).

    PeerError when the other's public key is none, or one that agrees with every key on the same secret.
    """
    try:
        secret = X25519PrivateKey.from_private_bytes(own).exchange(X25519PublicKey.from_public_bytes(other))
    except ValueError as error:
        raise PeerError("a public key of secure aggregation is no X25519 key; the exchange is refused") from error
    return derived_key(secret, label)


def derived_key(secret: bytes, label: bytes) -> bytes:
    """A 32-byte key for one purpose from a secret (HKDF-SHA256)."""
    return HKDF(hashes.SHA256(), length=32, salt=None, info=label).derive(secret)
