"""Stands for DenseNet121 where a benchmark is about messages: a megabyte of weights."""

from __future__ import annotations

from torch import Tensor, nn


class SmallTrunk(nn.Module):
    """As wide as DenseNet121 at its end, with convolutions and BatchNorm."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 256, kernel_size=3, stride=4),
            nn.BatchNorm2d(256),
            nn.ReLU(),
            nn.Conv2d(256, 1024, kernel_size=1),
        )

    def forward(self, patches: Tensor) -> Tensor:
        """1024 features of each of (patients, y, x) patches."""
        maps: Tensor = self.features(patches.unsqueeze(1).float() / 255)
        return maps.relu().mean((2, 3))
