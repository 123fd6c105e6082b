"""Random flips and quarter turns, for a whole batch at once and on its device."""

from __future__ import annotations

import torch
from torch import Tensor


def draw_positions(patches: int, *, generator: torch.Generator) -> Tensor:
    """For each of so many patches one of a square's eight symmetric positions: bool (3, n), drawn on the CPU."""
    return torch.randint(0, 2, (3, patches), generator=generator).bool()


def flip_and_rotate(patches: Tensor, positions: Tensor) -> Tensor:
    """Each square patch (n, h, w) in its position."""
    upright, sideways, turned = positions[:, :, None, None]
    patches = torch.where(upright, patches.flip(1), patches)
    patches = torch.where(sideways, patches.flip(2), patches)
    return torch.where(turned, patches.transpose(1, 2), patches)
