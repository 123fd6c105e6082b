"""Patients as tensors: what the network learns from and is judged on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from common.network import Parts

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Samples:
    """Patients in one order: uint8 patches (n, slices, h, w), standardised values (n, ...) and labels (n).

    An unknown label is -1.
    """

    patches: Tensor
    radiomics: Tensor
    clinical: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, positions: ArrayLike) -> Samples:
        """The patients at these positions."""
        index = torch.as_tensor(np.asarray(positions), dtype=torch.long)
        return Samples(self.patches[index], self.radiomics[index], self.clinical[index], self.labels[index])

    def arrays(self) -> Arrays:
        """The same as numpy arrays, to be handed to another process."""
        return (self.patches.numpy(), self.radiomics.numpy(), self.clinical.numpy(), self.labels.numpy())

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Samples:
        """The inverse of arrays."""
        patches, radiomics, clinical, labels = map(torch.as_tensor, arrays)
        return cls(patches, radiomics, clinical, labels)

    def to(self, device: torch.device) -> Samples:
        """The same patients in the memory of a device, once for the whole training."""
        return Samples(*(tensor.to(device) for tensor in (self.patches, self.radiomics, self.clinical, self.labels)))

    def values(self, parts: Parts) -> Tensor:
        """The radiomic and clinical values that a model with these parts sees (n, radiomics + clinical)."""
        return torch.cat([self.radiomics[:, : parts.radiomics], self.clinical[:, : parts.clinical]], dim=1)

    def slices(self, parts: Parts) -> int:
        """How many slices a patient has for a model with these parts."""
        return self.patches.shape[1] if parts.patches else 1
