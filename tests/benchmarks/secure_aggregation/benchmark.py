"""What masks cost: processor seconds and bytes of one round's sum at DenseNet121's size, beside a sum without."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from common.federated_model import federated_layout, federated_network
from common.messages import Letter, decode, encode, message_bytes
from common.secure_aggregation import decode_changes
from simulation.studies import federated_text, preset_text, synthetic_study
from tests.benchmarks.table import Row, Table
from tests.simulation.masked_sites import PREPARATION, MaskedSites

Say = Callable[[str], None]
SITES = (3, 4, 8)
MEGA = 1e6


@dataclass
class Timed(MaskedSites):
    """Counts bytes of every message, and of one site's processor time and the rest, which is the server's."""

    sent: int = 0
    received: int = 0
    seconds_of_sites: float = 0.0

    def tell(self, site: str, letter: Letter) -> Letter:
        """The same, timed; encoding and decoding are within, as a site and its server do both."""
        begun = time.process_time()
        self.sent += message_bytes(encode(letter))
        answer = super().tell(site, letter)
        self.received += message_bytes(encode(answer))
        self.seconds_of_sites += time.process_time() - begun
        return answer


@dataclass
class Cost:
    """Figures of several turns with so many sites."""

    site_seconds: list[float] = field(default_factory=list)
    server_seconds: list[float] = field(default_factory=list)
    plain_seconds: list[float] = field(default_factory=list)
    up: list[float] = field(default_factory=list)
    down: list[float] = field(default_factory=list)
    weights: float = 0.0
    error: float = 0.0


def secure_aggregation(quick: bool, say: Say) -> list[Table]:
    """One round's sum for 3, 4 and 8 sites, all in this process, one after another."""
    size, buffers = (100_000, 1_000) if quick else _network()
    found = {}
    for sites in SITES:
        say(f"secure aggregation: {sites} sites")
        found[sites] = Cost(weights=4 * (size + buffers) / MEGA)
        for turn in range(1 if quick else 3):
            _measure(found[sites], sites, size, buffers, seed=turn)
    return [_table(sites, cost) for sites, cost in found.items()]


def _network() -> tuple[int, int]:
    study = synthetic_study(federated_text(preset_text("paper"), sites=4))
    layout = federated_layout(federated_network(study, PREPARATION), study)
    return layout.size("parameters"), layout.size("buffers")


def _measure(cost: Cost, sites: int, size: int, buffers: int, *, seed: int) -> None:
    with tempfile.TemporaryDirectory(prefix="pdl1es-benchmark-") as folder:
        federation = Timed(Path(folder), sites, size=size, buffers=buffers, seed=seed, keep_letters=False)
        begun = time.process_time()
        total = federation.sum()
        seconds = time.process_time() - begun
    cost.site_seconds.append(federation.seconds_of_sites / sites)
    cost.server_seconds.append(seconds - federation.seconds_of_sites)
    cost.up.append(federation.received / sites / MEGA)
    cost.down.append(federation.sent / sites / MEGA)
    begun = time.process_time()
    mean = _without_masks(federation)
    cost.plain_seconds.append(time.process_time() - begun)
    cost.error = max(cost.error, float(np.abs(decode_changes(total.vector.changes) - mean).max()))


def _without_masks(federation: MaskedSites) -> np.ndarray:
    """The same messages without masks, and the mean change."""
    everybody, total = sum(federation.patients.values()), np.zeros(federation.size)
    for site, update in federation.updates.items():
        _, arrays = decode(encode(update), type(update.record))
        change = arrays["parameters"].astype(np.float64) - federation.weights["parameters"]
        total += change * (federation.patients[site] / everybody)
    return total


def _table(sites: int, cost: Cost) -> Table:
    def row(what: str, unit: str, values: list[float], base: list[float]) -> Row:
        return Row(what, unit, values, [one / other for one, other in zip(values, base, strict=True)])

    weights = [cost.weights] * len(cost.up)
    rows = [
        row("a site, all five steps", "CPU s", cost.site_seconds, cost.plain_seconds),
        row("the server, all five steps", "CPU s", cost.server_seconds, cost.plain_seconds),
        row("all sites' weights averaged without masks", "CPU s", cost.plain_seconds, cost.plain_seconds),
        row("a site's answers", "MB", cost.up, weights),
        row("a site's questions", "MB", cost.down, weights),
        row("weights in float32", "MB", weights, weights),
    ]
    notes = (
        "processor seconds of one process; a site's contain what the encoding and decoding of its messages takes",
        f"largest difference of a mean change from the one in float64: {cost.error:.2g}",
    )
    return Table(f"A masked sum over {sites} sites", "times without masks, or the weights", rows, notes)
