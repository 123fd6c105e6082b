"""DenseNet121's BatchNorm layers, or what stands in their place where running statistics may not learn."""

from __future__ import annotations

from typing import Literal, TypeVar

from torch import nn
from torchvision.ops import FrozenBatchNorm2d

Normalization = Literal["batch", "group", "frozen"]
Module = TypeVar("Module", bound=nn.Module)
LARGEST_GROUPS = 32
"""Groups of GroupNorm, as Opacus' ModuleValidator puts them in place of BatchNorm."""


def normalised(module: Module, normalization: Normalization) -> Module:
    """The module with its BatchNorm2d layers replaced, in place; `batch` leaves it as it is.

    GroupNorm and FrozenBatchNorm2d keep nothing of a batch, so that a patient's gradient is that patient's alone.
    """
    if normalization == "batch":
        return module
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(parent, name, _replacement(child, normalization))
            elif isinstance(child, nn.ReLU):
                # in place it would overwrite what per-patient gradients are computed from
                child.inplace = False
    return module


def _replacement(layer: nn.BatchNorm2d, normalization: Normalization) -> nn.GroupNorm | FrozenBatchNorm2d:
    channels = layer.num_features
    if normalization == "group":
        return nn.GroupNorm(min(LARGEST_GROUPS, channels), channels, eps=layer.eps)
    return FrozenBatchNorm2d(channels, eps=layer.eps)
