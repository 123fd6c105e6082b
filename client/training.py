"""Training in stages: cross-entropy, Adam, the best epoch on validation kept (paper, Establishment of PD-L1ES)."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from client.augmentation import draw_positions, flip_and_rotate
from client.checkpoint import Checkpoint
from client.prediction import mixed_precision, patient_logits, slice_logits
from client.samples import Samples
from common.discrimination import auc
from common.network import FusionNetwork, Parts
from common.seeds import derive_seed
from common.study import Training

Weights = dict[str, Tensor]
Draw = tuple[Tensor, Tensor, Tensor | None]
"""Of a batch: which patients, which slice of each, and in which position."""


@dataclass(frozen=True)
class Epoch:
    """One line of a learning curve; `best` says whether the epoch was kept."""

    stage: int
    epoch: int
    loss: float
    validation_auc: float
    validation_loss: float
    best: bool


@dataclass
class Progress:
    """How far a training has come; everything a resumed run needs besides the network and the optimiser."""

    stage: int
    epoch: int
    best: Weights
    best_rank: tuple[float, float]
    history: list[Epoch]


def train_epoch(
    network: FusionNetwork,
    optimizer: torch.optim.Optimizer,
    parts: Parts,
    samples: Samples,
    settings: Training,
    *,
    seed: int,
    penalty: Callable[[FusionNetwork], Tensor] | None = None,
) -> float:
    """One pass over the patients; returns the mean cross-entropy a slice.

    `penalty` of the network is added to the loss of each step, but not to what is returned.
    """
    torch.manual_seed(seed)
    epoch = _draw(samples, parts, settings, torch.Generator().manual_seed(seed))
    values = samples.values(parts)
    network.train()
    total = torch.zeros((), device=samples.labels.device)
    for who, which, positions in epoch:
        patches = _patches(samples, who, which, positions) if parts.patches else None
        with mixed_precision(total.device):
            logits = network(patches, values[who])
        loss = functional.cross_entropy(logits.float(), samples.labels[who])
        optimizer.zero_grad()
        (loss if penalty is None else loss + penalty(network)).backward()
        optimizer.step()
        total += loss.detach() * len(who)
    return float(total) / sum(len(who) for who, _, _ in epoch)


def _draw(samples: Samples, parts: Parts, settings: Training, generator: torch.Generator) -> list[Draw]:
    """An epoch's batches, drawn on the CPU and brought to the samples' device in one go: the loop waits for nothing."""
    order, which = _order(len(samples), samples.slices(parts), settings, generator)
    batches = math.ceil(len(order) / settings.batch_size)
    device, sizes = samples.labels.device, [len(one) for one in order.tensor_split(batches)]
    drawn = [one.to(device).split(sizes) for one in (order, which)]
    if not (parts.patches and settings.flips_and_rotations):
        return [(*one, None) for one in zip(*drawn, strict=True)]
    positions = torch.cat([draw_positions(size, generator=generator) for size in sizes], dim=1).to(device)
    return list(zip(*drawn, positions.split(sizes, dim=1), strict=True))


def _order(patients: int, slices: int, settings: Training, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Which slice of which patient comes when: positions and slice numbers in the order of the epoch."""
    if settings.slices_per_epoch == "all":
        order = torch.randperm(patients * slices, generator=generator)
        return order // slices, order % slices
    order = torch.randperm(patients, generator=generator)
    return order, torch.randint(0, slices, (patients,), generator=generator)


def _patches(samples: Samples, who: Tensor, which: Tensor, positions: Tensor | None) -> Tensor:
    patches = samples.patches[who, which]
    return patches if positions is None else flip_and_rotate(patches, positions)


def validate(network: FusionNetwork, parts: Parts, samples: Samples) -> tuple[float, float]:
    """AUC by patient and mean cross-entropy by slice on the validation patients."""
    logits = slice_logits(network, parts, samples)
    labels = samples.labels.cpu().numpy()
    signs = np.where(labels == 1, 1.0, -1.0)[:, None]
    return auc(labels, patient_logits(logits)), float(np.logaddexp(0, -signs * logits).mean())


def train(
    network: FusionNetwork,
    parts: Parts,
    training: Samples,
    validation: Samples,
    settings: Training,
    *,
    seed: int,
    checkpoint: Checkpoint,
    after_epoch: Callable[[int], None],
) -> tuple[Weights, list[Epoch]]:
    """Run all stages, or what is left of them; returns the best weights and the learning curve.

    Each stage starts from the best weights so far with a fresh Adam. `after_epoch` is told how many epochs are done.
    """
    progress, adam_state = _start(network, checkpoint)
    after_epoch(len(progress.history))
    for stage in range(progress.stage, len(settings.stages)):
        optimizer = optimizer_for(network, settings, stage=stage)
        if adam_state is not None:
            optimizer.load_state_dict(adam_state)
        elif stage > 0:
            network.load_state_dict(progress.best)
        adam_state = None
        for epoch in range(progress.epoch, settings.stages[stage].epochs):
            loss = train_epoch(network, optimizer, parts, training, settings, seed=derive_seed(seed, stage, epoch))
            _keep_best(progress, network, parts, validation, settings, stage=stage, epoch=epoch, loss=loss)
            progress.stage, progress.epoch = stage, epoch + 1
            if checkpoint.due():
                checkpoint.save(_state(progress, network, optimizer))
            after_epoch(1)
        progress.stage, progress.epoch = stage + 1, 0
    checkpoint.save(_state(progress, network, None))
    return progress.best, progress.history


def optimizer_for(learner: nn.Module, settings: Training, *, stage: int) -> torch.optim.Adam:
    """A fresh Adam for what learns, with the learning rate of a stage."""
    rate = settings.stages[stage].learning_rate
    return torch.optim.Adam(learner.parameters(), lr=rate, weight_decay=settings.weight_decay, fused=True)


def _rank(settings: Training, auc_value: float, loss: float) -> tuple[float, float]:
    return (auc_value, -loss) if settings.best_by == "auc" else (-loss, auc_value)


def _keep_best(
    progress: Progress,
    network: FusionNetwork,
    parts: Parts,
    validation: Samples,
    settings: Training,
    *,
    stage: int,
    epoch: int,
    loss: float,
) -> None:
    auc_value, validation_loss = validate(network, parts, validation)
    rank = _rank(settings, auc_value, validation_loss)
    better = rank > progress.best_rank
    if better:
        progress.best, progress.best_rank = copy.deepcopy(network.state_dict()), rank
    progress.history.append(Epoch(stage, epoch, loss, auc_value, validation_loss, better))


def _start(network: FusionNetwork, checkpoint: Checkpoint) -> tuple[Progress, dict[str, Any] | None]:
    state = checkpoint.load()
    if state is None:
        untrained = (-math.inf, -math.inf)
        return Progress(0, 0, copy.deepcopy(network.state_dict()), untrained, []), None
    try:
        network.load_state_dict(state["network"])
    except (RuntimeError, KeyError) as error:
        raise checkpoint.misfit("is of another network") from error
    history = [Epoch(**line) for line in state["history"]]
    return Progress(state["stage"], state["epoch"], state["best"], tuple(state["best_rank"]), history), state["adam"]


def _state(progress: Progress, network: FusionNetwork, optimizer: torch.optim.Optimizer | None) -> dict[str, Any]:
    return {
        "stage": progress.stage,
        "epoch": progress.epoch,
        "network": network.state_dict(),
        "adam": None if optimizer is None else optimizer.state_dict(),
        "best": progress.best,
        "best_rank": list(progress.best_rank),
        "history": [asdict(line) for line in progress.history],
    }
