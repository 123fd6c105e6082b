"""Where in its patches the network finds high PD-L1: gradient-weighted class activation maps by captum."""

from __future__ import annotations

import numpy as np
import torch
from captum.attr import LayerAttribution, LayerGradCam
from torch import Tensor, nn

from client.patches import Box, resize_matrix
from common.network import FusionNetwork

STRIDE = 32
"""Pixels of a patch from one field of DenseNet121's last maps to the next."""


class Readout(nn.Module):
    """A fusion network from its trunk's last maps on: (n, 1024, rows, columns) and values to log-odds (n,).

    The maps pass a layer of their own, after which captum can look at them as they are averaged.
    """

    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        self.maps = nn.ReLU()
        self.classifier = classifier

    def forward(self, maps: Tensor, values: Tensor) -> Tensor:
        """Log-odds of high PD-L1."""
        return log_odds(self.classifier, self.maps(maps).mean((2, 3)), values)


def log_odds(classifier: nn.Module, deep: Tensor, values: Tensor) -> Tensor:
    """Log-odds (n,) of high PD-L1 from deep features (n, 1024) and standardised values (n, radiomics + clinical)."""
    logits: Tensor = classifier(torch.cat([deep, values], dim=1))
    return logits[:, 1] - logits[:, 0]


def trunk_maps(network: FusionNetwork, patches: Tensor, values: Tensor) -> Tensor:
    """The trunk's last maps (n, 1024, rows, columns) in full precision, before their ReLU."""
    if network.trunk is None:
        raise ValueError("the network sees no patches")
    found: list[Tensor] = []
    handle = network.trunk.features.register_forward_hook(lambda _layer, _inputs, maps: found.append(maps))
    try:
        with torch.no_grad():
            network.eval()(patches, values)
    finally:
        handle.remove()
    return found[0].float()


def field_maps(network: FusionNetwork, patches: Tensor, values: Tensor) -> np.ndarray:
    """Log-odds that each field of uint8 patches (n, h, w) adds; float64 (n, rows, columns).

    Grad-CAM (doi:10.1109/ICCV.2017.74) of the log-odds with both signs kept. Without a hidden layer in the classifier
    the fields of a patch add up to exactly what the patch adds to the log-odds.
    """
    readout = Readout(network.classifier)
    maps = trunk_maps(network, patches, values)
    found = LayerGradCam(readout, readout.maps).attribute(maps, additional_forward_args=values)
    return np.asarray(found[:, 0].detach().double().cpu().numpy())


def on_patch(fields: np.ndarray, *, size: int) -> np.ndarray:
    """Fields (rows, columns) spread over a patch, float64 (size, size), linearly between their centres.

    The pixels behind the last whole field, which the trunk's pooling leaves over, get its values.
    """
    rows, columns = fields.shape
    smooth = LayerAttribution.interpolate(
        torch.as_tensor(fields)[None, None], (rows * STRIDE, columns * STRIDE), interpolate_mode="bilinear"
    )
    left_over = [(0, max(0, size - count * STRIDE)) for count in (rows, columns)]
    whole = np.pad(smooth[0, 0].numpy(), left_over, "edge")
    return np.asarray(whole[:size, :size])


def on_box(patch: np.ndarray, box: Box) -> np.ndarray:
    """A patch (size, size) brought back to the pixels of the box it was resized from."""
    down = resize_matrix(patch.shape[0], box.bottom - box.top)
    across = resize_matrix(patch.shape[1], box.right - box.left)
    return np.asarray(down @ patch @ across.T)
