"""Pseudonyms of a site's patients, made with a key that only the site has."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from client.intake.cells import tidy
from common.errors import DataError
from common.flower_environment import write_private

KEY_FILE = "pseudonym.key"
KEY_BYTES = 32
PSEUDONYM = re.compile(r"P[0-9a-f]{16}")


@dataclass(frozen=True)
class PseudonymKey:
    """The site's secret; what it makes of an id cannot be undone or made again without it."""

    secret: bytes

    def pseudonym(self, patient_id: str) -> str:
        """`P` and the first 16 hex digits of HMAC-SHA256 of the id, spaces at its ends being nothing."""
        return "P" + self.sealed(f"patient {tidy(patient_id)}")[:16]

    def sealed(self, text: str) -> str:
        """HMAC-SHA256 of a text, in hex."""
        return hmac.new(self.secret, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()

    @property
    def mark(self) -> str:
        """Tells this key from another and nothing else."""
        return self.sealed("this key")[:16]


def make_key(path: Path) -> PseudonymKey:
    """A new key in a file that only its owner can read; FileExistsError when there is one."""
    secret = secrets.token_bytes(KEY_BYTES)
    write_private(path, secret.hex().encode() + b"\n")
    return PseudonymKey(secret)


def load_key(path: Path) -> PseudonymKey:
    """The key of a site; DataError when it is missing, others can read it, or it is no such key."""
    try:
        text = path.read_bytes()
        mode = path.stat().st_mode
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}); it makes the pseudonyms, bring it back from a backup"
        ) from error
    if mode & 0o077:
        raise DataError(f"{path}: others can read this key, it must be its owner's alone; run: chmod 600 {path}")
    if not re.fullmatch(rb"[0-9a-f]{64}\s*", text):
        raise DataError(f"{path}: is no key of 64 hexadecimal digits; bring the right file back from a backup")
    return PseudonymKey(bytes.fromhex(text.decode().strip()))
