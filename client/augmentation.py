"""Random flips and quarter turns, for a whole batch at once and on its device."""

from __future__ import annotations

import torch
from torch import Tensor


def flip_and_rotate(patches: Tensor, *, generator: torch.Generator) -> Tensor:
    """Each square patch (n, h, w) in one of its eight symmetric positions, drawn from a CPU generator."""
    draws = torch.randint(0, 2, (3, len(patches), 1, 1), generator=generator).bool().to(patches.device)
    patches = torch.where(draws[0], patches.flip(1), patches)
    patches = torch.where(draws[1], patches.flip(2), patches)
    return torch.where(draws[2], patches.transpose(1, 2), patches)
