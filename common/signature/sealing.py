"""Writing a signature: weights, description and card, signed by who seals."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from safetensors.numpy import save as save_weights

from common import atomic
from common.signature.card_page import card_page
from common.signature.description import Description
from common.signature.files import CARD_FILE, DESCRIPTION_FILE, SIGNED_FILE, WEIGHTS_FILE, Signed, sha256_of


def seal(
    folder: Path, description: Mapping[str, Any], weights: Mapping[str, np.ndarray], *, key: Ed25519PrivateKey
) -> Description:
    """Write a signature's four files; `description` is Description without the hashes of weights and card."""
    data = save_weights({name: np.asarray(value, order="C") for name, value in weights.items()})
    hashes = {"weights_sha256": sha256_of(data), "card_sha256": sha256_of(b"")}
    sealed = Description.model_validate({**description, **hashes})
    card = card_page(sealed).encode()
    sealed = sealed.model_copy(update={"card_sha256": sha256_of(card)})
    text = json.dumps(sealed.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    # the signer's word last: a folder that is half written is refused
    (folder / SIGNED_FILE).unlink(missing_ok=True)
    atomic.write_bytes(folder / WEIGHTS_FILE, data)
    atomic.write_bytes(folder / CARD_FILE, card)
    atomic.write_bytes(folder / DESCRIPTION_FILE, text.encode())
    atomic.write_bytes(folder / SIGNED_FILE, _signed(text.encode(), key).text())
    return sealed


def _signed(data: bytes, key: Ed25519PrivateKey) -> Signed:
    return Signed(
        public_key=key.public_key().public_bytes_raw().hex(),
        description_sha256=sha256_of(data),
        signature=key.sign(data).hex(),
    )
