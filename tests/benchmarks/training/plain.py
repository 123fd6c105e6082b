"""Training as a tutorial writes it: a DataLoader of single patches, transforms one by one, eager, in fp32."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from client.samples import Samples
from common.network import GREY_DEVIATION, GREY_MEAN, FusionNetwork, Parts


class PatchDataset(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """One random slice of each patient, augmented by torchvision."""

    def __init__(self, samples: Samples, parts: Parts) -> None:
        self.samples, self.values = samples, samples.values(parts)
        self.augment = transforms.Compose(
            [
                transforms.ToPILImage(),
                transforms.RandomHorizontalFlip(),
                transforms.RandomVerticalFlip(),
                transforms.RandomChoice([transforms.RandomRotation((angle, angle)) for angle in (0, 90)]),
                transforms.ToTensor(),
                transforms.Normalize(GREY_MEAN, GREY_DEVIATION),
            ]
        )

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, place: int) -> tuple[Tensor, Tensor, Tensor]:
        which = int(torch.randint(0, self.samples.patches.shape[1], ()))
        patch = self.augment(self.samples.patches[place, which].unsqueeze(0))
        return patch, self.values[place], self.samples.labels[place]


class PlainNetwork(nn.Module):
    """The same layers in PyTorch's own layout, from patches that are scaled already."""

    def __init__(self, network: FusionNetwork) -> None:
        super().__init__()
        if network.trunk is None:
            raise TypeError("the plain loop trains a network that sees patches")
        self.features, self.classifier = network.trunk.features, network.classifier
        self.to(memory_format=torch.contiguous_format)

    def forward(self, patches: Tensor, values: Tensor) -> Tensor:
        deep = nn.functional.adaptive_avg_pool2d(nn.functional.relu(self.features(patches)), 1).flatten(1)
        logits: Tensor = self.classifier(torch.cat([deep, values], dim=1))
        return logits


def plain_epoch(
    network: PlainNetwork,
    optimizer: torch.optim.Optimizer,
    data: PatchDataset,
    device: torch.device,
    *,
    batch_size: int,
) -> float:
    """One pass, a loss read back each step."""
    network.train()
    total = 0.0
    for patches, values, labels in DataLoader(data, batch_size=batch_size, shuffle=True):
        optimizer.zero_grad()
        logits = network(patches.to(device), values.to(device))
        loss = nn.functional.cross_entropy(logits, labels.to(device))
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
    return total / len(data)
