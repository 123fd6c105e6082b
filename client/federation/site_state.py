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
    run: str
    entries: dict[int, Entry] = field(default_factory=dict)

    @classmethod
    def load(cls, file: Path, *, run: str) -> SiteState:
        """Read the file, or begin without when there is none of this run; DataError when it is damaged."""
        stored = Checkpoint(file).load() or {}
        entries = stored.get("entries", {}) if stored.get("run") == run else {}
        return cls(file, run, {int(number): entry for number, entry in entries.items()})

    def before(self, number: int, *, stage: int) -> dict[str, Any] | None:
        """State of Adam after this site's last round before `number`; None at the start of a stage."""
        earlier = [one for one in self.entries if one < number and self.entries[one]["stage"] == stage]
        return self.entries[max(earlier)]["adam"] if earlier else None

    def home(self, number: int) -> dict[str, torch.Tensor]:
        """What stayed at home after a round, or after the nearest earlier one."""
        earlier = [one for one in self.entries if one <= number]
        return self.entries[max(earlier)]["home"] if earlier else {}

    def keep(self, number: int, entry: Entry, *, best_round: int) -> None:
        """Write the state after a round; of the others the ones before it and at or before the best one are kept."""
        before = [one for one in self.entries if one < number]
        # a site that missed the best round goes back to the nearest earlier one
        wanted = {max(before, default=number), max((one for one in before if one <= best_round), default=number)}
        self.entries = {one: entry for one, entry in self.entries.items() if one in wanted and one != number}
        self.entries[number] = entry
        entries = {str(one): state for one, state in sorted(self.entries.items())}
        Checkpoint(self.file).save({"run": self.run, "entries": entries})


def stays_home(network: nn.Module, layout: Layout) -> dict[str, torch.Tensor]:
    """The tensors of a network that do not travel."""
    travels = {*layout.parameters, *layout.buffers}
    return {name: value.clone() for name, value in network.state_dict().items() if name not in travels}
