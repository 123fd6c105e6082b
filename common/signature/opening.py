"""Opening a signature: as it was sealed, by whom, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from pydantic import BaseModel, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load as load_weights

from common.errors import SignatureError
from common.network import FusionNetwork
from common.signature.description import FORMAT, Description
from common.signature.files import (
    AGAIN,
    CARD_FILE,
    DESCRIPTION_FILE,
    SIGNED_FILE,
    WEIGHTS_FILE,
    Signed,
    read_file,
    read_signed,
    sha256_of,
)
from common.signing_key import is_signed, key_fingerprint
from common.study_errors import explain

WRONG_KEYS_SAID = 3


@dataclass(frozen=True)
class Opened:
    """A signature as it was sealed, and whose key signed it."""

    description: Description
    network: FusionNetwork
    sha256: str
    """Of signature.json."""
    signer: str
    """Fingerprint of the key that signed."""
    trusted: bool
    """Whether that is the key one said one trusts."""

    def signer_sentence(self) -> str:
        """Who signed, and what that is worth."""
        return signer_sentence(self.signer, trusted=self.trusted)


def signer_sentence(signer: str, *, trusted: bool) -> str:
    """Who signed, and what that is worth."""
    if trusted:
        return f"signed by {signer}, whom you trust"
    return f"signed by {signer}, whom you did not say you trust; compare the fingerprint by telephone"


def open_signature(folder: Path, *, trusted: str | None = None) -> Opened:
    """Read a signature and its network; `trusted` is the fingerprint of the one key that may have signed it.

    SignatureError when a byte of any file, the signer, the format or the architecture does not fit.
    """
    signed, data = read_signed(folder), read_file(folder, DESCRIPTION_FILE)
    _check_signed(folder, signed, data)
    signer = key_fingerprint(bytes.fromhex(signed.public_key))
    if trusted is not None and signer != trusted:
        raise SignatureError(
            f"{folder / SIGNED_FILE}: is signed by {signer}, not by the trusted {trusted}; do not use it, "
            "ask who gave it to you"
        )
    description = _description(folder / DESCRIPTION_FILE, data)
    _checked(folder, CARD_FILE, description.card_sha256)
    weights = _checked(folder, WEIGHTS_FILE, description.weights_sha256)
    network = _network(folder / WEIGHTS_FILE, description, weights)
    return Opened(description, network, sha256_of(data), signer, trusted is not None)


def signer_of(folder: Path) -> str:
    """Fingerprint of the key that signed a signature's folder; SignatureError when it says nothing."""
    return key_fingerprint(bytes.fromhex(read_signed(folder).public_key))


def _check_signed(folder: Path, signed: Signed, data: bytes) -> None:
    good = is_signed(bytes.fromhex(signed.public_key), bytes.fromhex(signed.signature), data)
    same = sha256_of(data) == signed.description_sha256
    if good and same:
        return
    # one of the two agrees with the file: then it is signature.sig that was altered
    altered = DESCRIPTION_FILE if not (good or same) else SIGNED_FILE
    raise SignatureError(f"{folder / altered}: was altered after signing; {AGAIN}")


def _checked(folder: Path, name: str, sha256: str) -> bytes:
    data = read_file(folder, name)
    if sha256_of(data) != sha256:
        raise SignatureError(f"{folder / name}: is not the file that was sealed (its SHA-256 differs); {AGAIN}")
    return data


class _Format(BaseModel):
    format: int


def _description(path: Path, data: bytes) -> Description:
    try:
        found = _Format.model_validate_json(data, strict=True).format
    except ValidationError as error:
        raise SignatureError(f"{path}: does not say its format in JSON; {AGAIN}") from error
    if found != FORMAT:
        raise SignatureError(
            f"{path}: has format {found}, this pdl1es reads {FORMAT}; install the version that sealed it, or {AGAIN}"
        )
    try:
        return Description.model_validate_json(data, strict=True)
    except ValidationError as error:
        said = explain(error, Description, most=WRONG_KEYS_SAID)
        raise SignatureError(f"{path}: does not fit this version of pdl1es: {said[:500]}") from error


def _network(path: Path, description: Description, data: bytes) -> FusionNetwork:
    try:
        weights = load_weights(data)
    except (SafetensorError, ValueError, TypeError, KeyError) as error:
        raise SignatureError(f"{path}: is no safetensors file of weights; {AGAIN}") from error
    if not _fits(description, weights):
        raise SignatureError(f"{path}: holds the weights of another architecture than {DESCRIPTION_FILE} says; {AGAIN}")
    if broken := sorted(name for name, value in weights.items() if not np.isfinite(value).all()):
        raise SignatureError(f"{path}: weights of {broken[0]} are NaN or infinite; {AGAIN}")
    network = FusionNetwork(description.parts(), description.settings.network)
    network.load_state_dict({name: torch.as_tensor(value) for name, value in weights.items()})
    return network


def _fits(description: Description, weights: Mapping[str, np.ndarray]) -> bool:
    """Whether names, shapes and types are those of the described network."""
    settings = description.settings.network
    if len(settings.hidden_units) > len(weights):
        return False
    # without memory: a description may ask for layers of any width
    with torch.device("meta"):
        wanted = FusionNetwork(description.parts(), settings).state_dict()
    found = {name: (tuple(value.shape), str(value.dtype)) for name, value in weights.items()}
    return found == {
        name: (tuple(value.shape), str(value.dtype).removeprefix("torch.")) for name, value in wanted.items()
    }
