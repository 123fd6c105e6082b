"""Updates in fewer bits: bytes, seconds and error of one round, and the AUC of a small federation with each format."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import get_args

import numpy as np
import torch

from client.models import choose_device
from client.prediction import patient_logits, slice_logits
from client.samples import Samples
from client.training import optimizer_for, train_epoch
from common.discrimination import auc
from common.network import FusionNetwork, build_network
from common.parallel import cores
from common.study import Study
from common.update_format import UpdateFormat, pack, unpack
from common.weights import Flat, fill, flatten, layout_of
from simulation.studies import preset_text, synthetic_study
from tests.benchmarks.table import Row, Table
from tests.benchmarks.training.benchmark import PARTS, SEEDS, ringed

Say = Callable[[str], None]
FORMATS: tuple[UpdateFormat, ...] = get_args(UpdateFormat)
MEGA = 1e6
SITES = 4


@dataclass
class Cost:
    """Figures of the updates of several rounds in one format."""

    megabytes: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    error: list[float] = field(default_factory=list)
    areas: list[float] = field(default_factory=list)


def update_formats(quick: bool, say: Say) -> list[Table]:
    """A federation of 4 sites with each format, in this process, a seed a turn."""
    torch.set_num_threads(cores())
    study, device = synthetic_study(preset_text("quick")), choose_device("auto")
    patients, rounds = (8, 1) if quick else (60, 5)
    costs = {one: Cost() for one in FORMATS}
    for seed in SEEDS[:1] if quick else SEEDS:
        say(f"update formats: seed {seed}")
        sites = [ringed(patients, 64, seed=100 * seed + number).to(device) for number in range(SITES)]
        judged = ringed(SITES * patients, 64, seed=100 * seed + 99).to(device)
        for update_format, cost in costs.items():
            network = build_network(PARTS, study.network, seed=seed).to(device)
            for number in range(rounds):
                _round(network, sites, study, update_format, cost, seed=1000 * seed + number)
            logits = patient_logits(slice_logits(network, PARTS, judged))
            cost.areas.append(auc(judged.labels.cpu().numpy(), logits))
    return [_table("Bytes of a site's update", "MB", "megabytes", costs), *_others(costs, patients, rounds)]


def _round(
    network: FusionNetwork,
    sites: Sequence[Samples],
    study: Study,
    update_format: UpdateFormat,
    cost: Cost,
    *,
    seed: int,
) -> None:
    layout = layout_of(network)
    before = flatten(layout, network.state_dict())
    received: list[Flat] = []
    for samples in sites:
        fill(layout, network, before)
        optimizer = optimizer_for(network, study.training, stage=0)
        settings = study.training.model_copy(update={"batch_size": 8})
        train_epoch(network, optimizer, PARTS, samples, settings, seed=seed)
        after = flatten(layout, network.state_dict())
        begun = time.perf_counter()
        packed = pack(before, after, update_format)
        received.append(unpack(before, packed, update_format))
        cost.seconds.append(time.perf_counter() - begun)
        cost.megabytes.append(sum(part.nbytes for part in packed.values()) / MEGA)
        moved = after["parameters"] - before["parameters"]
        lost = received[-1]["parameters"] - after["parameters"]
        cost.error.append(float(np.linalg.norm(lost) / np.linalg.norm(moved)))
    fill(layout, network, {name: np.mean([one[name] for one in received], axis=0) for name in before})


def _table(title: str, unit: str, name: str, costs: dict[UpdateFormat, Cost], notes: Sequence[str] = ()) -> Table:
    """Beside float32 where that costs anything; it is sent as it is and loses nothing."""
    base, compared = getattr(costs["float32"], name), name in ("megabytes", "areas")
    rows = []
    for one, cost in costs.items():
        values = getattr(cost, name)
        rows.append(
            Row(one, unit, values, [v / whole for v, whole in zip(values, base, strict=True)] if compared else ())
        )
    return Table(title, "times float32" if compared else "", rows, notes)


def _others(costs: dict[UpdateFormat, Cost], patients: int, rounds: int) -> list[Table]:
    setting = f"{SITES} sites of {patients} made-up patients, {rounds} rounds of one epoch, 64 pixels, one run a seed"
    return [
        _table("Packing and unpacking", "s", "seconds", costs),
        _table("What is lost of an update", "of its length", "error", costs, ("Euclidean, over all parameters.",)),
        _table("Test AUC of a small federation", "AUC", "areas", costs, (setting,)),
    ]
