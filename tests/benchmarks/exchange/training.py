"""Real rounds of a federation, each beside the same local training alone, and the bytes of a round."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from flwr.app import Message
from flwr.common.serde import message_to_proto

from common.messages import TrainingRequest, decode
from simulation.federation.grid import ParallelGrid
from tests.benchmarks.exchange.alone import seconds_alone
from tests.benchmarks.exchange.federation import Prepared, Submit
from tests.benchmarks.exchange.stopwatch import round_seconds

REQUEST_FILE, WEIGHTS_FILE = "request.json", "weights.npz"


@dataclass(frozen=True)
class Rounds:
    """Seconds of rounds, and of the same training alone in the same processes; bytes on the wire by site."""

    federated: list[float]
    alone: list[float]
    wire_bytes: list[float]


class WeighingGrid(ParallelGrid):
    """Weighs the first round, which is not timed, as Flower puts it on the wire; knows the newest request."""

    def __init__(self, submit: Submit, sites: Mapping[str, Path]) -> None:
        super().__init__(submit, sites)
        self.newest: list[Message] = []
        self._sites = len(sites)
        self._sent: list[int] = []
        self._received: list[int] = []

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Weigh, then push."""
        self.newest = list(messages)
        if len(self._sent) < self._sites:
            self._sent += map(_wire_bytes, self.newest)
        return super().push_messages(self.newest)

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Pull, then weigh."""
        for reply in super().pull_messages(message_ids):
            if len(self._received) < self._sites:
                self._received.append(_wire_bytes(reply))
            yield reply

    def wire_bytes(self) -> list[float]:
        """Bytes of question and answer by site."""
        return [float(sent + received) for sent, received in zip(self._sent, self._received, strict=True)]


def rounds_and_alone(prepared: Prepared, submit: Submit) -> Rounds:
    """Rounds with all sites, after each of them the same training at all sites without a federation.

    The last request stays in the folder, for the memory of a client that answers it.
    """
    alone, grid, sites = list[float](), WeighingGrid(submit, prepared.sites), prepared.sites.values()

    def train_alone() -> None:
        request, _ = decode(grid.newest[0].content, TrainingRequest)
        alone.append(seconds_alone(submit, sites, request.preparation))

    federated = round_seconds(prepared, "training", grid, train_alone)
    record, arrays = decode(grid.newest[0].content, TrainingRequest)
    (prepared.folder / REQUEST_FILE).write_text(record.model_dump_json())
    np.savez(prepared.folder / WEIGHTS_FILE, **dict(arrays))
    # a training alone before each counted round
    return Rounds(federated, alone, grid.wire_bytes())


def _wire_bytes(message: Message) -> int:
    return int(message_to_proto(message).ByteSize())
