"""Passes over the training patients under differential privacy: Poisson batches, one clipped gradient a patient.

Abadi et al. 2016, doi:10.1145/2976749.2978318; per-patient gradients by Opacus.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from opacus import GradSampleModule
from torch import Tensor, nn
from torch.nn import functional

from client.augmentation import draw_positions, flip_and_rotate
from client.prediction import BATCH
from client.privacy.noise import Noise
from client.privacy.optimizer import PrivateOptimizer
from client.samples import Samples
from common.network import FusionNetwork, Parts
from common.study import Training

PHYSICAL_BATCH = 8
"""Patients whose gradients are in memory at a time; a Poisson batch is taken in such pieces."""
Batch = Callable[[Tensor], Tensor]
"""Logits (patients, slices, 2) of patients at these positions."""


@dataclass(frozen=True)
class Protection:
    """How strongly a training hides a patient."""

    noise_multiplier: float
    clipping_norm: float
    sample_rate: float
    steps: int
    """Of one pass over the patients."""


def private_epochs(
    network: FusionNetwork,
    optimizer: torch.optim.Optimizer,
    parts: Parts,
    samples: Samples,
    settings: Training,
    protection: Protection,
    *,
    head: bool,
    epochs: int,
    noise: Noise,
) -> None:
    """Train the network in place; with `head` its trunk stays as it is and the classifier learns from all slices.

    The optimiser holds the parameters of `learning_part`. All that is drawn comes from `noise`: drawn from a seed that
    others know, a patient who is there or not would change the slices that others get.
    """
    generator = torch.Generator().manual_seed(noise.seed())
    # dropout draws from torch's own generator
    torch.manual_seed(noise.seed())
    learner = learning_part(network, head=head)
    private = PrivateOptimizer(
        optimizer,
        noise=noise,
        noise_multiplier=protection.noise_multiplier,
        clipping_norm=protection.clipping_norm,
        expected_batch_size=protection.sample_rate * len(samples),
    )
    with _with_gradients_of_patients(learner) as wrapped:
        batch = (
            _head_batch(network, wrapped, parts, samples)
            if head
            else _full_batch(wrapped, parts, samples, settings, generator)
        )
        for _ in range(epochs * protection.steps):
            chosen = torch.from_numpy(noise.uniform(len(samples)) < protection.sample_rate).nonzero().flatten()
            _step(private, batch, samples.labels, chosen)


def learning_part(network: FusionNetwork, *, head: bool) -> nn.Module:
    """What of the network learns."""
    return network.classifier if head else network


def _step(private: PrivateOptimizer, batch: Batch, labels: Tensor, chosen: Tensor) -> None:
    pieces = chosen.to(labels.device).split(PHYSICAL_BATCH)
    if not len(chosen):
        private.zero_grad()
        private.empty_batch()
        private.step()
        return
    for place, piece in enumerate(pieces, start=1):
        private.zero_grad()
        logits = batch(piece)
        targets = labels[piece].unsqueeze(1).expand(logits.shape[:2])
        # Opacus undoes a mean over patients; the mean over a patient's slices stays
        functional.cross_entropy(logits.flatten(0, 1), targets.flatten()).backward()
        private.signal_skip_step(do_skip=place < len(pieces))
        private.step()


def _head_batch(network: FusionNetwork, wrapped: nn.Module, parts: Parts, samples: Samples) -> Batch:
    inputs = head_inputs(network, parts, samples)
    return lambda chosen: wrapped(inputs[chosen])


def head_inputs(network: FusionNetwork, parts: Parts, samples: Samples) -> Tensor:
    """What enters the classifier, float32 (patients, slices, width); the trunk learns nothing from it."""
    values = samples.values(parts).unsqueeze(1).expand(-1, samples.slices(parts), -1)
    if network.trunk is None:
        return values.contiguous()
    network.trunk.eval()
    with torch.no_grad():
        deep = torch.cat([network.trunk(piece) for piece in samples.patches.flatten(0, 1).split(BATCH)])
    return torch.cat([deep.unflatten(0, samples.patches.shape[:2]), values], dim=2)


def _full_batch(
    wrapped: nn.Module, parts: Parts, samples: Samples, settings: Training, generator: torch.Generator
) -> Batch:
    values = samples.values(parts)

    def batch(chosen: Tensor) -> Tensor:
        """One slice of each patient, drawn anew each time."""
        patches = None
        if parts.patches:
            # the others' draws shift when a patient is there; nobody outside can tell which they are
            which = torch.randint(0, samples.slices(parts), (len(chosen),), generator=generator).to(chosen.device)
            patches = samples.patches[chosen, which]
            if settings.flips_and_rotations:
                positions = draw_positions(len(chosen), generator=generator)
                patches = flip_and_rotate(patches, positions.to(chosen.device))
        logits: Tensor = wrapped(patches, values[chosen]).unsqueeze(1)
        return logits

    return batch


@contextmanager
def _with_gradients_of_patients(learner: nn.Module) -> Iterator[nn.Module]:
    """The module wrapped for gradients a patient; afterwards it is a plain module again."""
    learner.train()
    wrapped = GradSampleModule(learner)
    try:
        with warnings.catch_warnings():
            # patches need no gradient, and gradients a patient have a layout of their own: both are meant
            warnings.filterwarnings("ignore", message="Full backward hook is firing|grad and param do not obey")
            yield wrapped
    finally:
        wrapped.to_standard_module()
        for parameter in learner.parameters():
            for name in ("grad_sample", "summed_grad"):
                if hasattr(parameter, name):
                    delattr(parameter, name)
            parameter.grad = None
