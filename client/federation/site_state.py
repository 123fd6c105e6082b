"""What a site keeps between rounds: its optimiser, and with FedBN its own BatchNorm layers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from client.checkpoint import Checkpoint
from common.weights import Layout

Entry = dict[str, Any]


@dataclass
class SiteState:
    """The states after the last rounds, so that a round asked for twice begins twice from the same state."""

    file: Path
    entries: dict[int, Entry] = field(default_factory=dict)

    @classmethod
    def load(cls, file: Path) -> SiteState:
        """Read the file, or begin without; DataError when it is damaged."""
        stored = Checkpoint(file).load() or {}
        return cls(file, {int(number): entry for number, entry in stored.items()})

    def before(self, number: int, *, stage: int) -> dict[str, Any] | None:
        """State of Adam after this site's last round before `number`; None at the start of a stage."""
        earlier = [one for one in self.entries if one < number and self.entries[one]["stage"] == stage]
        return self.entries[max(earlier)]["adam"] if earlier else None

    def home(self, number: int) -> dict[str, torch.Tensor]:
        """What stayed at home after a round, or after the nearest earlier one."""
        earlier = [one for one in self.entries if one <= number]
        return self.entries[max(earlier)]["home"] if earlier else {}

    def keep(self, number: int, entry: Entry, *, best_round: int) -> None:
        """Write the state after a round; of the others the one before and the best one are kept."""
        wanted = {number, max((one for one in self.entries if one < number), default=number), best_round}
        self.entries = {one: entry for one, entry in self.entries.items() if one in wanted and one != number}
        self.entries[number] = entry
        Checkpoint(self.file).save({str(one): state for one, state in sorted(self.entries.items())})


def stays_home(network: nn.Module, layout: Layout) -> dict[str, torch.Tensor]:
    """The tensors of a network that do not travel."""
    travels = {*layout.parameters, *layout.buffers}
    return {name: value.clone() for name, value in network.state_dict().items() if name not in travels}
