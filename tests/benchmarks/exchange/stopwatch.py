"""Takes the time of the rounds of a real training loop, which reports to it after each round."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flwr.serverapp import Grid

from server.live import Live
from server.phases.training import train
from tests.benchmarks.exchange.federation import Prepared


class EnoughRounds(Exception):  # noqa: N818 - not an error
    """The wanted number of rounds is done and in the state."""


class Stopwatch(Live):
    """Seconds of each round; what `between` does after a round does not count."""

    def __init__(self, folder: Path, *, rounds: int, between: Callable[[], None]) -> None:
        super().__init__(folder, say=lambda _: None)
        self.rounds, self.between, self.seconds = rounds, between, list[float]()
        self._start = time.perf_counter()

    def tell(self, event: str, sentence: str, **facts: Any) -> None:
        """Write the event as ever; after a round stop the time, and end the run when it was the last."""
        super().tell(event, sentence, **facts)
        if event != "round":
            return
        self.seconds.append(time.perf_counter() - self._start)
        if len(self.seconds) == self.rounds:
            raise EnoughRounds
        self.between()
        self._start = time.perf_counter()


def round_seconds(prepared: Prepared, name: str, grid: Grid, between: Callable[[], None] = lambda: None) -> list[float]:
    """Seconds of the rounds of a training that begins anew, without its first round.

    A round is all that server/phases/training.py does for it: question, check of each answer, lengths of the updates,
    average, the state made durable, events and scalars.
    """
    server = prepared.begin(name)
    watch = Stopwatch(server, rounds=prepared.size.rounds + 1, between=between)
    try:
        train(prepared.run(server, grid, watch))
    except EnoughRounds:
        pass
    finally:
        watch.close()
    return watch.seconds[1:]
