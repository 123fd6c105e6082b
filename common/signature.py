"""The sealed signature: weights, chosen features, scaling, settings, cut-off and provenance in two files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load as load_weights
from safetensors.numpy import save as save_weights

from common import atomic
from common.errors import SignatureError
from common.network import FusionNetwork, Parts
from common.study import ClinicalVariable, Network, Patches, Radiomics, Resampling
from common.study_errors import explain

WEIGHTS_FILE, DESCRIPTION_FILE = "model.safetensors", "signature.json"
_AGAIN = "ask for the signature again"


class _Sealed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SealedScaling(_Sealed):
    """z-scores as fitted on the training patients."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]


class SealedSettings(_Sealed):
    """How the inputs of the network are computed from CT."""

    resampling: Resampling
    patches: Patches
    radiomics: Radiomics
    network: Network


class Description(_Sealed):
    """Everything of a signature but its weights; a missing clinical value is the training mean."""

    format: Literal[1] = 1
    synthetic: bool
    label_tps: float
    radiomic_features: tuple[str, ...]
    radiomics_scaling: SealedScaling
    clinical_variables: tuple[ClinicalVariable, ...]
    clinical_scaling: SealedScaling
    settings: SealedSettings
    operating_point: float | None
    """A patient is called positive when PD-L1ES is at least this."""
    cutoff: float | None
    """PD-L1ES above this is high in survival."""
    study_sha256: str
    provenance: dict[str, str]
    weights_sha256: str

    def parts(self) -> Parts:
        """What the network sees."""
        return Parts(patches=True, radiomics=len(self.radiomic_features), clinical=len(self.clinical_variables))


def seal(folder: Path, description: Mapping[str, Any], weights: Mapping[str, np.ndarray]) -> Description:
    """Write a signature's two files; `description` is Description without weights_sha256."""
    data = save_weights({name: np.ascontiguousarray(value) for name, value in weights.items()})
    sealed = Description.model_validate({**description, "weights_sha256": hashlib.sha256(data).hexdigest()})
    content = sealed.model_dump(mode="json")
    atomic.write_bytes(folder / WEIGHTS_FILE, data)
    atomic.write_json(folder / DESCRIPTION_FILE, {**content, "seal_sha256": _seal(content)})
    return sealed


def open_signature(folder: Path) -> tuple[Description, FusionNetwork]:
    """Read a signature and its network; SignatureError when a byte, the format or the architecture does not fit."""
    description = _read_description(folder / DESCRIPTION_FILE)
    data = _read(folder / WEIGHTS_FILE)
    if hashlib.sha256(data).hexdigest() != description.weights_sha256:
        raise SignatureError(
            f"{folder / WEIGHTS_FILE}: is not the file that was sealed (its SHA-256 differs); {_AGAIN}"
        )
    network = FusionNetwork(description.parts(), description.settings.network)
    try:
        network.load_state_dict({name: torch.as_tensor(value) for name, value in load_weights(data).items()})
    except (RuntimeError, SafetensorError) as error:
        raise SignatureError(
            f"{folder / WEIGHTS_FILE}: holds the weights of another architecture than {DESCRIPTION_FILE} says; {_AGAIN}"
        ) from error
    return description, network


def _read_description(path: Path) -> Description:
    try:
        content = json.loads(_read(path))
    except ValueError as error:
        raise SignatureError(f"{path}: is not JSON ({error}); {_AGAIN}") from error
    stated = content.pop("seal_sha256", None) if isinstance(content, dict) else None
    if stated != _seal(content):
        raise SignatureError(f"{path}: was altered after sealing (its SHA-256 differs); {_AGAIN}")
    try:
        return Description.model_validate(content)
    except ValidationError as error:
        raise SignatureError(f"{path}: does not fit this version of pdl1es: {explain(error, Description)}") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        needed = f"a signature folder has {WEIGHTS_FILE} and {DESCRIPTION_FILE}"
        raise SignatureError(f"{path}: cannot be read ({error.strerror}); {needed}") from error


def _seal(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
