"""Rounds without any training, ours and those of other frameworks, in turns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from tests.benchmarks.environment import PeerFailed
from tests.benchmarks.exchange.federation import QUICK, Prepared, Submit
from tests.benchmarks.exchange.flare_simulator import flare_python, flare_seconds
from tests.benchmarks.exchange.flower import flower_seconds
from tests.benchmarks.exchange.stopwatch import round_seconds
from tests.benchmarks.exchange.untouched import in_process, in_processes

OURS, OURS_PROCESSES, FLOWER, FLARE, FLARE_EAGER = "ours", "ours in processes", "flower", "flare", "flare eager"


@dataclass
class Pure:
    """Seconds of the rounds of each turn by competitor; of those that could not be measured the reason."""

    turns: dict[str, list[list[float]]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def pure_exchange(prepared: Prepared, state: dict[str, Tensor], submit: Submit, say: Callable[[str], None]) -> Pure:
    """All competitors once a turn; FLARE, whose start takes long, in the first turns only."""
    pure, size = Pure(), prepared.size
    if size == QUICK:
        pure.failed[FLARE] = "left out by --quick"
    competitors: dict[str, Callable[[], list[float]]] = {
        OURS: lambda: round_seconds(prepared, "pure", in_process(prepared)),
        OURS_PROCESSES: lambda: round_seconds(prepared, "pure", in_processes(prepared, submit)),
        FLOWER: lambda: flower_seconds(prepared, state),
    }
    flare = _flare(prepared, state)
    for turn in range(size.turns):
        for name, measure in (competitors | (flare if turn < size.slow_turns else {})).items():
            if name in pure.failed:
                continue
            say(f"exchange: pure exchange, turn {turn + 1} of {size.turns}: {name}")
            try:
                pure.turns.setdefault(name, []).append(measure())
            except PeerFailed as error:
                pure.failed[name] = str(error)
    return pure


def _flare(prepared: Prepared, state: Mapping[str, Tensor]) -> dict[str, Callable[[], list[float]]]:
    weights, size = {name: value.numpy() for name, value in state.items()}, prepared.size
    folder: Path = prepared.folder / "flare"

    def measure(eager: bool) -> list[float]:
        python = flare_python()
        return flare_seconds(python, folder, weights, sites=size.sites, rounds=size.rounds, eager=eager)

    return {FLARE: lambda: measure(False), FLARE_EAGER: lambda: measure(True)}
