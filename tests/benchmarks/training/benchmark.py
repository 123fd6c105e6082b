"""Samples a second of our training beside a plain PyTorch loop and beside what the device can compute."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from client.models import choose_device
from client.prediction import mixed_precision, patient_logits, slice_logits
from client.samples import Samples
from client.training import optimizer_for, train_epoch
from common.discrimination import auc
from common.network import FusionNetwork, Parts, build_network
from common.parallel import cores
from common.study import Study, Training
from simulation.studies import preset_text, synthetic_study
from tests.benchmarks.table import Row, Table
from tests.benchmarks.training.plain import PatchDataset, PlainNetwork, plain_epoch

Say = Callable[[str], None]
PARTS = Parts(patches=True, radiomics=40, clinical=4)
SIZES = (64, 112)
SEEDS = (1, 2, 3)
MATRIX = 2048


@dataclass
class Speeds:
    """Samples a second of several turns, one size of patches."""

    ours: list[float] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)
    limit: list[float] = field(default_factory=list)


def training(quick: bool, say: Say) -> list[Table]:
    """Both loops in turns in this process, on all cores or the GPU."""
    torch.set_num_threads(cores())
    study, device, tables = synthetic_study(preset_text("paper")), choose_device("auto"), []
    for size in SIZES[:1] if quick else SIZES:
        patients = (16 if quick else 128) * (8 if device.type == "cuda" else 1)
        samples, speeds = ringed(patients, size, seed=0).to(device), Speeds()
        for turn in range(1 if quick else 4):
            say(f"training: {size} pixels, turn {turn + 1}")
            _turn(speeds, study, samples, device)
        tables.append(_speed_table(speeds, size, study.training, device))
    say("training: AUC of both")
    return [*tables, _auc_table(study, device, epochs=1 if quick else 5, patients=32 if quick else 240)]


def ringed(patients: int, size: int, *, seed: int) -> Samples:
    """Made-up patches, noise with a ring that is a little brighter in positives; values without a signal."""
    random = np.random.default_rng(seed)
    labels = np.arange(patients) % 2
    rows, columns = np.mgrid[:size, :size] - size / 2
    ring = np.abs(np.hypot(rows, columns) - size / 4) < size / 16
    grey = (
        random.normal(110, 30, (patients, 3, size, size))
        + 14 * ring * (labels * random.uniform(0, 2, patients))[:, None, None, None]
    )
    return Samples(
        torch.as_tensor(np.clip(grey, 0, 255).astype(np.uint8)),
        torch.as_tensor(random.normal(size=(patients, 40)), dtype=torch.float32),
        torch.as_tensor(random.normal(size=(patients, 4)), dtype=torch.float32),
        torch.as_tensor(labels),
    )


def _turn(speeds: Speeds, study: Study, samples: Samples, device: torch.device) -> None:
    network = build_network(PARTS, study.network, seed=1).to(device)
    optimizer = optimizer_for(network, study.training, stage=0)
    first = samples.take(range(16))
    train_epoch(network, optimizer, PARTS, first, study.training, seed=0)
    speeds.ours.append(
        _rate(lambda: train_epoch(network, optimizer, PARTS, samples, study.training, seed=1), samples, device)
    )
    plain = PlainNetwork(build_network(PARTS, study.network, seed=1)).to(device)
    adam = torch.optim.Adam(plain.parameters(), lr=study.training.stages[0].learning_rate)
    batch, on_host = study.training.batch_size, samples.to(torch.device("cpu"))
    plain_epoch(plain, adam, PatchDataset(on_host.take(range(16)), PARTS), device, batch_size=batch)
    data = PatchDataset(on_host, PARTS)
    speeds.plain.append(_rate(lambda: plain_epoch(plain, adam, data, device, batch_size=batch), samples, device))
    speeds.limit.append(_matrix_rate(device) / _flops_a_sample(study, samples, device))


def _rate(epoch: Callable[[], object], samples: Samples, device: torch.device) -> float:
    begun = time.perf_counter()
    epoch()
    _finish(device)
    return len(samples) / (time.perf_counter() - begun)


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def _matrix_rate(device: torch.device) -> float:
    """Floating-point operations a second of a square matrix product, in the precision that trains."""
    one, other = (torch.randn(MATRIX, MATRIX, device=device) for _ in range(2))
    with mixed_precision(device):
        one @ other
        _finish(device)
        begun = time.perf_counter()
        for _ in range(8):
            one @ other
        _finish(device)
    return 8 * 2 * MATRIX**3 / (time.perf_counter() - begun)


def _flops_a_sample(study: Study, samples: Samples, device: torch.device) -> float:
    network = build_network(PARTS, study.network, seed=1).to(device)
    few = samples.take(range(4))
    with FlopCounterMode(display=False) as counter:
        loss = torch.nn.functional.cross_entropy(network(few.patches[:, 0], few.values(PARTS)), few.labels)
        loss.backward()
    return counter.get_total_flops() / len(few)


def _speed_table(speeds: Speeds, size: int, settings: Training, device: torch.device) -> Table:
    def row(what: str, values: list[float]) -> Row:
        return Row(what, "samples/s", values, [one / other for one, other in zip(values, speeds.plain, strict=True)])

    share = np.median([one / other for one, other in zip(speeds.ours, speeds.limit, strict=True)])
    rows = [
        row("ours", speeds.ours),
        row("plain PyTorch loop", speeds.plain),
        row("matrix products alone", speeds.limit),
    ]
    notes = (
        f"DenseNet121 and classifier, forward, backward and Adam, {size} pixels, {settings.batch_size} slices a step, "
        f"on {device.type}; ours reaches {share:.0%} of what the device does in matrix products of {MATRIX} x {MATRIX} "
        "at the counted operations",
        "Ours: patches in the device's memory, a batch augmented at once, channels_last, fused Adam, bf16 where there "
        "are units for it, no value read back within an epoch.",
        "Plain: DataLoader in the same process, torchvision's transforms patch by patch, PyTorch's own layout, fp32, "
        "Adam as it comes, the loss read back each step.",
    )
    return Table(f"Training on patches of {size} pixels", "times the plain loop", rows, notes)


def _auc_table(study: Study, device: torch.device, *, epochs: int, patients: int) -> Table:
    ours, plain = [], []
    for seed in SEEDS[:1] if epochs == 1 else SEEDS:
        learned, judged = (ringed(patients, 64, seed=10 * seed + part).to(device) for part in (0, 1))
        network = build_network(PARTS, study.network, seed=seed).to(device)
        optimizer = optimizer_for(network, study.training, stage=0)
        for epoch in range(epochs):
            train_epoch(network, optimizer, PARTS, learned, study.training, seed=100 * seed + epoch)
        ours.append(_auc(network, judged))
        other = build_network(PARTS, study.network, seed=seed)
        loop = PlainNetwork(other).to(device)
        adam = torch.optim.Adam(loop.parameters(), lr=study.training.stages[0].learning_rate)
        torch.manual_seed(seed)
        data = PatchDataset(learned.to(torch.device("cpu")), PARTS)
        for _ in range(epochs):
            plain_epoch(loop, adam, data, device, batch_size=study.training.batch_size)
        plain.append(_auc(other.to(device), judged))
    rows = [Row("ours", "AUC", ours), Row("plain PyTorch loop", "AUC", plain)]
    notes = (
        f"{patients} made-up training and as many test patients with a ring that is brighter in positives, 64 pixels, "
        f"{epochs} epochs from random weights, a seed a run",
    )
    return Table("What both loops learn", "", rows, notes)


def _auc(network: FusionNetwork, samples: Samples) -> float:
    return auc(samples.labels.cpu().numpy(), patient_logits(slice_logits(network, PARTS, samples)))
