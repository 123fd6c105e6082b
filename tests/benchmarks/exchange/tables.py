"""The tables of the exchange, from figures that were measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from tests.benchmarks.exchange.federation import Size
from tests.benchmarks.exchange.flare_simulator import VERSION
from tests.benchmarks.exchange.notes import memory_notes, pure_notes, training_notes, wire_notes
from tests.benchmarks.exchange.pure import FLARE, FLARE_EAGER, FLOWER, OURS, OURS_PROCESSES, Pure
from tests.benchmarks.exchange.training import Rounds
from tests.benchmarks.table import Row, Table

MEGA = 1e6
COMPETITORS = {
    OURS: "pdl1es, sites in the server's process",
    OURS_PROCESSES: "pdl1es, sites in processes",
    FLOWER: "Flower FedAvg, sites in the server's process",
    FLARE: f"NVIDIA FLARE {VERSION} simulator, its own waits",
    FLARE_EAGER: f"NVIDIA FLARE {VERSION} simulator, waits of 0.05 s",
}


def training_table(rounds: Rounds, size: Size, *, jobs: int) -> Table:
    """a. A round over the same local training alone."""
    pairs = list(zip(rounds.federated, rounds.alone, strict=True))
    rows = [
        Row("federated round", "s", rounds.federated, [one / other for one, other in pairs]),
        Row("the same training alone", "s", rounds.alone, [1.0]),
        Row("overhead of the round", "s", [one - other for one, other in pairs]),
    ]
    title = f"A federated round of {size.sites} sites beside the same training alone"
    return Table(title, "times the training alone", rows, training_notes(size, jobs=jobs))


def wire_table(rounds: Rounds, weights: int, size: Size) -> Table:
    """b. Bytes of a round."""
    sites = [value / MEGA for value in rounds.wire_bytes]
    rows = [
        Row("question and answer", "MB", sites, [value / (2 * weights) for value in rounds.wire_bytes]),
        Row("twice the weights in float32", "MB", [2 * weights / MEGA], [1.0]),
    ]
    return Table(f"Bytes of a round and site, {size.sites} sites", "times twice the weights", rows, wire_notes(size))


def memory_table(memory: Mapping[str, Sequence[float]], weights: int, size: Size) -> Table:
    """c. Peaks of memory."""
    names = {
        "server": f"server, whole rounds of {size.sites} sites",
        "client": "client that answers a training message",
        "alone": "the same training alone",
    }
    rows = [
        Row(name, "MB", [value / MEGA for value in memory[role]], [value / weights for value in memory[role]])
        for role, name in names.items()
        if role in memory
    ]
    rows.append(Row("the weights in float32", "MB", [weights / MEGA], [1.0]))
    return Table(f"Peak memory beyond the imports, {size.sites} sites", "times the weights", rows, memory_notes(size))


def pure_table(pure: Pure, size: Size, *, arrays: int) -> Table:
    """d. Rounds without training."""
    rows = [_competitor(pure, name, sentence) for name, sentence in COMPETITORS.items()]
    title = f"A round of {size.sites} sites that give the weights back"
    return Table(title, "times pdl1es in the server's process", rows, pure_notes(arrays=arrays))


def _competitor(pure: Pure, name: str, sentence: str) -> Row:
    if name in pure.failed:
        return Row(sentence, "s", why=pure.failed[name])
    turns = pure.turns[name]
    # of the first turns only, where a competitor did not take part in all
    ratios = [median(turn) / median(ours) for turn, ours in zip(turns, pure.turns[OURS], strict=False)]
    return Row(sentence, "s", [value for turn in turns for value in turn], ratios)
