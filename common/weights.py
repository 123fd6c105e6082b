"""A network's weights as two flat arrays, which is how they travel: what training moves, and running statistics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from common.errors import PeerError

Flat = dict[str, np.ndarray]


@dataclass(frozen=True)
class Layout:
    """Which tensors of a network travel, in their order; whole numbers such as batch counters never do."""

    parameters: tuple[str, ...]
    buffers: tuple[str, ...]
    shapes: Mapping[str, torch.Size]

    def names(self, array: str) -> tuple[str, ...]:
        """Names of the tensors in one of the two arrays."""
        return {"parameters": self.parameters, "buffers": self.buffers}[array]

    def size(self, array: str) -> int:
        """Number of values of one of the two arrays."""
        return sum(self.shapes[name].numel() for name in self.names(array))

    def check(self, arrays: Mapping[str, np.ndarray]) -> None:
        """PeerError when arrays are not this network's, or no network's: a variance is never negative."""
        for array in ("parameters", "buffers"):
            given = arrays[array].size if array in arrays else 0
            if given != self.size(array):
                raise PeerError(f"array {array} has {given} values, this study's network has {self.size(array)}")
        at = 0
        for name in self.buffers:
            size = self.shapes[name].numel()
            if name.endswith("running_var") and (arrays["buffers"][at : at + size] < 0).any():
                raise PeerError("array buffers has a negative variance")
            at += size


def layout_of(network: nn.Module, *, local_batch_norm: bool = False) -> Layout:
    """What of a network travels; with `local_batch_norm` (FedBN, arXiv:2102.07623) its BatchNorm layers stay at home.

    BatchNorm layers are found by their type, not by their names.
    """
    stays = set(_batch_norm_names(network)) if local_batch_norm else set()
    parameters = tuple(name for name, _ in network.named_parameters() if name not in stays)
    buffers = tuple(name for name, value in network.named_buffers() if value.is_floating_point() and name not in stays)
    state = network.state_dict()
    return Layout(parameters, buffers, {name: state[name].shape for name in (*parameters, *buffers)})


def _batch_norm_names(network: nn.Module) -> Iterator[str]:
    for path, module in network.named_modules():
        if isinstance(module, _BatchNorm):
            yield from (f"{path}.{name}" for name in module.state_dict())


def flatten(layout: Layout, state: Mapping[str, Tensor]) -> Flat:
    """The two flat float32 arrays of a state_dict, whatever its memory format."""
    return {array: _joined([state[name] for name in layout.names(array)]) for array in ("parameters", "buffers")}


def _joined(tensors: list[Tensor]) -> np.ndarray:
    if not tensors:
        return np.zeros(0, dtype=np.float32)
    return torch.cat([one.detach().float().contiguous().reshape(-1).cpu() for one in tensors]).numpy()


def fill(layout: Layout, network: nn.Module, arrays: Mapping[str, np.ndarray]) -> None:
    """Write flat arrays into a network; what does not travel stays as it is. PeerError when the sizes differ."""
    layout.check(arrays)
    state = network.state_dict()
    with torch.no_grad():
        for array in ("parameters", "buffers"):
            at = 0
            for name in layout.names(array):
                shape = layout.shapes[name]
                piece = arrays[array][at : at + shape.numel()].reshape(tuple(shape))
                state[name].copy_(torch.from_numpy(np.array(piece)))
                at += shape.numel()
