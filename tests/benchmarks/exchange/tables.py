"""The tables of the exchange, from figures that were measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from tests.benchmarks.exchange.federation import Size
from tests.benchmarks.exchange.flare_simulator import VERSION
from tests.benchmarks.exchange.pure import FLARE, FLARE_EAGER, FLOWER, OURS, OURS_PROCESSES, Pure
from tests.benchmarks.exchange.training import Rounds
from tests.benchmarks.table import Row, Table

MEGA = 1e6


def training_table(rounds: Rounds, size: Size, *, jobs: int) -> Table:
    """a. A round over the same local training alone."""
    pairs = list(zip(rounds.federated, rounds.alone, strict=True))
    return Table(
        f"A federated round of {size.sites} sites beside the same training alone",
        "times the training alone",
        [
            Row("federated round", "s", rounds.federated, [one / other for one, other in pairs]),
            Row("the same training alone", "s", rounds.alone, [1.0]),
            Row("overhead of the round", "s", [one - other for one, other in pairs]),
        ],
        [
            f"DenseNet121, {size.training} training and {size.validation} validation patients a site, patches of "
            f"{size.pixels} pixels, one slice an epoch, one epoch a round; {jobs} processes of one thread answer for "
            f"{size.sites} sites. The overhead hardly depends on the patients, so the ratio falls with more of them.",
            "The round: the server asks, each site reads its patients, optimiser and message, validates, trains, writes "
            "its optimiser durably, answers; the server checks, averages and writes its state durably.",
            "Alone: the same validation and epoch in the same processes, patients, network and optimiser already in "
            "memory; nothing is read, written or sent.",
            "Not in it: the network between hospitals, TLS, and the fresh Python process that a Flower node starts for "
            "each message.",
        ],
    )


def wire_table(rounds: Rounds, weights: int, size: Size) -> Table:
    """b. Bytes of a round."""
    sites = [value / MEGA for value in rounds.wire_bytes]
    return Table(
        "Bytes of a round and site",
        "times twice the weights",
        [
            Row("question and answer", "MB", sites, [value / (2 * weights) for value in rounds.wire_bytes]),
            Row("twice the weights in float32", "MB", [2 * weights / MEGA], [1.0]),
        ],
        [
            f"Runs are the {size.sites} sites of one round. Counted is Flower's message as protobuf, uncompressed as "
            "Flower sends it; not the headers of HTTP and TLS.",
            "The weights are all parameters and running statistics, without batch counters, which do not travel.",
        ],
    )


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
    ]
    return Table(
        "Peak memory beyond the imports",
        "times the weights",
        [*rows, Row("the weights in float32", "MB", [weights / MEGA], [1.0])],
        [
            "Each run is a process of its own; VmHWM of its work less VmRSS after its imports.",
            "Server: state, all answers, lengths of the updates, average and durable state; its sites answer from other "
            "processes. Client: message, network, gradients, optimiser with the last state of it, and the activations "
            f"of a batch of {size.pixels} pixels, which the training alone takes as well.",
        ],
    )


def pure_table(pure: Pure, size: Size, *, arrays: int) -> Table:
    """d. Rounds without training."""
    names = {
        OURS: "pdl1es, sites in the server's process",
        OURS_PROCESSES: "pdl1es, sites in processes",
        FLOWER: "Flower FedAvg, sites in the server's process",
        FLARE: f"NVIDIA FLARE {VERSION} simulator, its own waits",
        FLARE_EAGER: f"NVIDIA FLARE {VERSION} simulator, waits of 0.05 s",
    }
    return Table(
        f"A round of {size.sites} sites that give the weights back",
        "times pdl1es in the server's process",
        [_competitor(pure, name, sentence) for name, sentence in names.items()],
        [
            "Each in turns, several rounds a turn; starts and first rounds are not counted. All average by number of "
            "patients or steps, and clients read the weights into arrays and write them again.",
            "pdl1es: weights as two flat arrays; typed records checked on both sides, arrays checked for shape, NaN and "
            "negative variances, lengths of all updates against their median, average, state of the run on disk with "
            "fsync (the newest and the best weights), events and scalars. In processes: messages pickled through pipes.",
            f"Flower: FedAvg.start over the same in-process grid, a state_dict of {arrays} arrays; keys are compared; "
            "nothing is checked for NaN or size of the update, nothing written.",
            f"FLARE: FedAvg and Client API on {arrays} NumPy arrays; server and each site are processes with connections "
            "over this machine's sockets, so that it serialises and sends what the in-process grids hand over; writes "
            "the model every round, without fsync; no check of values. By itself a client waits 2 s between tasks and "
            "the server looks every 0.5 s; the second row sets both to 0.05 s. Its start is not counted.",
            "Not measured: real nodes over TLS, where Flower's own polls and process starts dominate.",
        ],
    )


def _competitor(pure: Pure, name: str, sentence: str) -> Row:
    if name in pure.failed:
        return Row(sentence, "s", why=pure.failed[name])
    turns = pure.turns[name]
    ratios = [median(turn) / median(ours) for turn, ours in zip(turns, pure.turns[OURS], strict=False)]
    return Row(sentence, "s", [value for turn in turns for value in turn], ratios)
