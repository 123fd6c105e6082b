"""What training under differential privacy costs: hooks, as we do it, beside ghost clipping and no privacy."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable

import torch
from opacus.grad_sample import GradSampleModuleFastGradientClipping
from opacus.optimizers import DPOptimizerFastGradientClipping
from opacus.utils.fast_gradient_clipping_utils import DPLossFastGradientClipping
from torch import nn

from client.models import choose_device
from client.privacy.noise import Noise
from client.privacy.training import Protection, private_epochs
from client.samples import Samples
from client.training import optimizer_for, train_epoch
from common.network import FusionNetwork, build_network
from common.parallel import cores
from common.study import Study
from simulation.studies import preset_text, synthetic_study
from tests.benchmarks.table import Row, Table
from tests.benchmarks.training.benchmark import PARTS, ringed

Say = Callable[[str], None]
SIZE, BATCH = 64, 32
HOOKS, GHOST, HEAD, NONE = (
    "whole network, hooks (ours)",
    "whole network, ghost clipping",
    "head alone (ours)",
    "no privacy",
)


def private_training(quick: bool, say: Say) -> list[Table]:
    """All ways in turns in this process, on all cores or the GPU."""
    torch.set_num_threads(cores())
    study, device = synthetic_study(preset_text("quick")), choose_device("auto")
    samples = ringed(32 if quick else 128, SIZE, seed=0).to(device)
    ways: dict[str, Callable[[], None]] = {
        NONE: lambda: _plain(study, samples, device),
        HOOKS: lambda: _private(study, samples, device, head=False),
        GHOST: lambda: _ghost(study, samples, device),
        HEAD: lambda: _private(study, samples, device, head=True),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(1 if quick else 4):
        say(f"private training: turn {turn + 1}")
        for name, way in ways.items():
            begun = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - begun)
    return [_table(seconds, len(samples), device)]


def _network(study: Study, device: torch.device, *, normalization: str = "group") -> FusionNetwork:
    settings = study.network.model_copy(update={"normalization": normalization})
    return build_network(PARTS, settings, seed=1).to(device)


def _plain(study: Study, samples: Samples, device: torch.device) -> None:
    network = _network(study, device)
    settings = study.training.model_copy(update={"batch_size": BATCH})
    train_epoch(network, optimizer_for(network, settings, stage=0), PARTS, samples, settings, seed=1)


def _private(study: Study, samples: Samples, device: torch.device, *, head: bool) -> None:
    network = _network(study, device, normalization="frozen" if head else "group")
    protection = Protection(1.0, 1.0, BATCH / len(samples), len(samples) // BATCH)
    learner: nn.Module = network.classifier if head else network
    private_epochs(
        network,
        optimizer_for(learner, study.training, stage=0),
        PARTS,
        samples,
        study.training,
        protection,
        head=head,
        epochs=1,
        noise=Noise(bytes(32)),
    )


def _ghost(study: Study, samples: Samples, device: torch.device) -> None:
    """Opacus' two passes a step; its own noise, and batches of one size, which the time does not depend on."""
    network = _network(study, device).train()
    wrapped = GradSampleModuleFastGradientClipping(network, max_grad_norm=1.0, use_ghost_clipping=True)
    optimizer = DPOptimizerFastGradientClipping(
        optimizer_for(network, study.training, stage=0),
        noise_multiplier=1.0,
        max_grad_norm=1.0,
        expected_batch_size=BATCH,
    )
    loss_of = DPLossFastGradientClipping(
        wrapped, optimizer, nn.CrossEntropyLoss(reduction="mean"), loss_reduction="mean"
    )
    values = samples.values(PARTS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for who in torch.arange(len(samples)).split(BATCH):
            optimizer.zero_grad()
            loss_of(wrapped(samples.patches[who, 0], values[who]), samples.labels[who]).backward()
            optimizer.step()


def _table(seconds: dict[str, list[float]], patients: int, device: torch.device) -> Table:
    def row(name: str, found: list[float]) -> Row:
        rates = [patients / one for one in found]
        return Row(name, "samples/s", rates, [base / one for base, one in zip(seconds[NONE], found, strict=True)])

    rows = [row(name, found) for name, found in seconds.items()]
    notes = (
        f"DenseNet121 with GroupNorm, one pass over {patients} patients, {BATCH} a step, {SIZE} pixels, on "
        f"{device.type}; the network's making is within",
        "Ours takes pieces of 8 patients, so that memory stays as without privacy, draws its noise from ChaCha20, four "
        "draws a value, and augments; ghost clipping takes whole batches with PyTorch's noise and does not augment.",
        "Head alone: the deep features of all slices once, then the classifier; with more passes only the latter is "
        "repeated.",
    )
    return Table("Training under differential privacy", "times no privacy", rows, notes)
