"""Shares on their way from site to site through the server, which cannot read or change them."""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from common.errors import PeerError

_NONCE = 12


def seal(key: bytes, text: bytes, *, about: bytes) -> bytes:
    """Encrypted and authenticated (RFC 8439), bound to `about`; a nonce of 12 bytes stands before it."""
    nonce = os.urandom(_NONCE)
    return nonce + ChaCha20Poly1305(key).encrypt(nonce, text, about)


def open_sealed(key: bytes, sealed: bytes, *, about: bytes) -> bytes:
    """What was sealed; PeerError when it was altered, or sealed for another exchange or list of sites."""
    try:
        return ChaCha20Poly1305(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], about)
    except (InvalidTag, ValueError) as error:
        raise PeerError(
            "a share was altered on its way, or its sender was shown another list of sites; the exchange is refused"
        ) from error
