"""The fusion network: DenseNet121 on patches, radiomic and clinical values, one classifier (paper, Figure 1)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import densenet121

from common.normalization import normalised
from common.pretrained import load_pretrained
from common.study import Network

DEEP_FEATURES = 1024
# torchvision's grey equivalent of the ImageNet mean and standard deviation
GREY_MEAN, GREY_DEVIATION = 0.449, 0.226


@dataclass(frozen=True)
class Parts:
    """Which inputs a model sees: patches or not, and how many radiomic and clinical values."""

    patches: bool
    radiomics: int
    clinical: int

    @property
    def width(self) -> int:
        """Number of values that enter the classifier."""
        return DEEP_FEATURES * self.patches + self.radiomics + self.clinical


class Trunk(nn.Module):
    """DenseNet121 with one input channel; turns uint8 patches (n, height, width) into (n, 1024)."""

    def __init__(self) -> None:
        super().__init__()
        self.features = densenet121(weights=None).features
        self.features.conv0 = nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3, bias=False)
        nn.init.kaiming_normal_(self.features.conv0.weight)

    def forward(self, patches: Tensor) -> Tensor:
        grey = (patches.unsqueeze(1).float() / 255 - GREY_MEAN) / GREY_DEVIATION
        maps = self.features(grey.contiguous(memory_format=torch.channels_last))
        return functional.relu(maps).float().mean((2, 3))


class FusionNetwork(nn.Module):
    """PD-L1ES and, with parts left out, the paper's clinical, radiomic and deep comparison models."""

    def __init__(self, parts: Parts, settings: Network) -> None:
        super().__init__()
        self.trunk = normalised(Trunk(), settings.normalization) if parts.patches else None
        self.classifier = _classifier(parts.width, settings)

    def forward(self, patches: Tensor | None, values: Tensor) -> Tensor:
        """Logits (n, 2) of uint8 patches (n, height, width) and standardised values (n, radiomics + clinical)."""
        inputs = values if self.trunk is None or patches is None else torch.cat([self.trunk(patches), values], dim=1)
        # in full precision, so that log-odds keep the digits that rank patients
        with torch.autocast(values.device.type, enabled=False):
            logits: Tensor = self.classifier(inputs)
        return logits


def _classifier(width: int, settings: Network) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Dropout(settings.dropout)]
    for units in settings.hidden_units:
        layers += [nn.Linear(width, units), nn.ReLU(), nn.Dropout(settings.dropout)]
        width = units
    last = nn.Linear(width, 2)
    # from zero, so that a few small steps already point where the data say, whatever the number of inputs
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(*layers, last)


def build_network(parts: Parts, settings: Network, *, seed: int) -> FusionNetwork:
    """A network whose first weights depend on the seed alone, or in the trunk on the study's file."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = FusionNetwork(parts, settings)
    if network.trunk is not None and settings.pretrained_file is not None:
        load_pretrained(network.trunk, Path(settings.pretrained_file))
    return channels_last(network)


def channels_last(network: FusionNetwork) -> FusionNetwork:
    """The network with its weights laid out as convolutions run fastest."""
    moved: FusionNetwork = network.to(memory_format=torch.channels_last)
    return moved
