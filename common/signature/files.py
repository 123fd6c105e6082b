"""The files of a signature's folder, read with a limit, and the one that holds the signer's word."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from common.errors import SignatureError

WEIGHTS_FILE, DESCRIPTION_FILE = "model.safetensors", "signature.json"
SIGNED_FILE, CARD_FILE = "signature.sig", "model_card.md"
LARGEST = {WEIGHTS_FILE: 2**28, DESCRIPTION_FILE: 2**22, SIGNED_FILE: 2**12, CARD_FILE: 2**22}
"""Bytes that a file may have."""
AGAIN = "ask for the signature again"


class Signed(BaseModel):
    """The content of signature.sig: whose key, over which bytes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    algorithm: Literal["Ed25519"] = "Ed25519"
    public_key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """The raw key."""
    description_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """Of signature.json, so that it can be said which of the two files was altered."""
    signature: Annotated[str, Field(pattern=r"^[0-9a-f]{128}$")]
    """Over the bytes of signature.json."""

    def text(self) -> bytes:
        """The one way in which it is written."""
        return (json.dumps(self.model_dump(), indent=2) + "\n").encode()


def sha256_of(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def read_file(folder: Path, name: str) -> bytes:
    """The bytes of a file of the folder; SignatureError when it is missing, no file, or larger than any can be."""
    path, most = folder / name, LARGEST[name]
    needed = f"a signature's folder has {', '.join(LARGEST)}"
    if not path.is_file():
        raise SignatureError(f"{path}: is missing; {needed}; {AGAIN}")
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise SignatureError(f"{path}: cannot be read ({error.strerror}); {needed}") from error
    if len(data) > most:
        raise SignatureError(f"{path}: is larger than {most:,} bytes, no such file of a signature is; {AGAIN}")
    return data


def read_signed(folder: Path) -> Signed:
    """The content of signature.sig; SignatureError when it is missing or was altered."""
    data = read_file(folder, SIGNED_FILE)
    try:
        signed = Signed.model_validate_json(data)
    except ValidationError:
        signed = None
    if signed is None or signed.text() != data:
        raise SignatureError(f"{folder / SIGNED_FILE}: was altered after signing (its form differs); {AGAIN}")
    return signed
