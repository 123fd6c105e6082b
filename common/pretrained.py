"""A trunk's first weights from a file: torchvision's densenet121, or the trunk of a sealed signature."""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from common.errors import StudyError

_TRUNK = "trunk."


def load_pretrained(trunk: nn.Module, file: Path) -> None:
    """Fill a trunk; torchvision's colour kernels are summed to grey.

    StudyError when the file is missing or holds another network.
    """
    try:
        weights = _of_signature(file) if file.suffix == ".safetensors" else _of_torchvision(file)
        trunk.load_state_dict(weights)
    except (OSError, RuntimeError, KeyError, AttributeError, EOFError, UnpicklingError, SafetensorError) as error:
        reason = (str(error) or "it is empty").splitlines()[0]
        raise StudyError(
            f"network.pretrained_file = {str(file)!r}: is no weights file of torchvision's densenet121 and no "
            f"signature's ({reason}); give the path of densenet121-a639ec97.pth or of a signature's model.safetensors, "
            "or remove the key"
        ) from error


def _of_signature(file: Path) -> dict[str, Tensor]:
    return {name.removeprefix(_TRUNK): value for name, value in load_file(file).items() if name.startswith(_TRUNK)}


def _of_torchvision(file: Path) -> dict[str, Tensor]:
    stored = torch.load(file, map_location="cpu", weights_only=True)
    weights = {_present_name(name): value for name, value in stored.items() if name.startswith("features.")}
    weights["features.conv0.weight"] = weights["features.conv0.weight"].sum(dim=1, keepdim=True)
    return weights


def _present_name(name: str) -> str:
    """torchvision's file still says norm.1 and conv.2 where its code says norm1 and conv2."""
    for layer in ("norm", "relu", "conv"):
        for number in ("1", "2"):
            name = name.replace(f".{layer}.{number}.", f".{layer}{number}.")
    return name
