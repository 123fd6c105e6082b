"""A secret in shares of which a threshold gives it back and fewer say nothing (Shamir 1979)."""

from __future__ import annotations

from collections.abc import Mapping

from Crypto.Protocol.SecretSharing import Shamir

from common.errors import PeerError

SECRET_BYTES = 32
_BLOCK = 16
"""PyCryptodome shares 16 bytes, in GF(2^128)."""


def split_secret(secret: bytes, *, threshold: int, sites: int) -> list[bytes]:
    """Shares of a 32-byte secret, 32 bytes each; the first belongs to place 1."""
    blocks = [secret[at : at + _BLOCK] for at in range(0, SECRET_BYTES, _BLOCK)]
    dealt = [dict(Shamir.split(threshold, sites, block, ssss=False)) for block in blocks]
    return [b"".join(shares[place] for shares in dealt) for place in range(1, sites + 1)]


def combine_shares(shares: Mapping[int, bytes]) -> bytes:
    """The secret of as many shares, by place from 1, as it was dealt for; PeerError for shares of another length."""
    if any(len(share) != SECRET_BYTES for share in shares.values()):
        raise PeerError(f"a share of a secret is not {SECRET_BYTES} bytes long; the exchange is refused")
    starts = range(0, SECRET_BYTES, _BLOCK)
    return b"".join(
        Shamir.combine([(place, share[at : at + _BLOCK]) for place, share in shares.items()], ssss=False)
        for at in starts
    )
