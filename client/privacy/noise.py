"""Noise that nobody outside the site can guess, and that one question at one state of the data always gets again.

A question that is asked twice, as after a lost connection or a crash, is one release: it gets the same noise. Another
question, other patients or another state of the optimiser get other noise.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from scipy.special import ndtri

from common import atomic
from common.errors import DataError

KEY_FILE = "noise.key"
SECRET_BYTES = 32
DRAWS = 4
"""Summed for one normal value, so that its last bits do not tell it from the sum under it (arXiv:2107.10138)."""


class Noise:
    """A stream of random numbers under a key: ChaCha20, whose next number nobody can tell from those before."""

    def __init__(self, key: bytes) -> None:
        self._stream = Cipher(ChaCha20(key, bytes(16)), mode=None).encryptor()

    def uniform(self, size: int) -> np.ndarray:
        """Float64 between 0 and 1, without both."""
        words = np.frombuffer(self._stream.update(bytes(8 * size)), dtype="<u8")
        return np.asarray(((words >> 12) + 0.5) * 2.0**-52)

    def normal(self, size: int) -> np.ndarray:
        """Float64 of mean 0 and standard deviation 1."""
        total = sum(ndtri(self.uniform(size)) for _ in range(DRAWS))
        return np.asarray(total / math.sqrt(DRAWS))

    def seed(self) -> int:
        """For a generator of another library, where guessing it would not uncover a patient."""
        return int.from_bytes(self._stream.update(bytes(8)), "little") >> 1


def site_secret(folder: Path) -> bytes:
    """The site's own key for noise, made once; DataError when the file is no such key."""
    file = folder / KEY_FILE
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        atomic.write_bytes(file, secrets.token_bytes(SECRET_BYTES), private=True)
    secret = file.read_bytes()
    if len(secret) != SECRET_BYTES:
        raise DataError(f"{file}: has {len(secret)} bytes, a key has {SECRET_BYTES}; remove it, it is made again")
    return secret


def noise_for(secret: bytes, release: str) -> Noise:
    """The noise of one release, which is named by the SHA-256 of all that it is computed from."""
    return Noise(hmac.new(secret, release.encode("ascii"), hashlib.sha256).digest())
