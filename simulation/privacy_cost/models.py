"""One model of the comparison, trained on its half of the pool, and the scores that it gives everybody."""

from __future__ import annotations

import copy
import hashlib
import math
import os
from pathlib import Path

import numpy as np
import torch
from torch import nn

from client.prediction import patient_logits, slice_logits
from client.privacy.accounting import least_noise
from client.privacy.noise import Noise
from client.privacy.plan import poisson_batches
from client.privacy.training import Protection, head_inputs, learning_part, private_epochs
from client.samples import Samples
from client.training import optimizer_for
from common import atomic
from common.network import DEEP_FEATURES, FusionNetwork, Parts, build_network
from common.seeds import derive_seed
from common.study import Stage, Study, Training
from simulation.privacy_cost.settings import CLIPPING_NORM, DELTA, RECIPES, Trained

SCORES = ".float64"
"""Log-odds of all patients, as bytes."""
UNCLIPPED = 1e6


def protection(one: Trained, *, patients: int) -> Protection:
    """How strongly a model of so many training patients hides each of them; without a promise not at all."""
    recipe = RECIPES[one.mode]
    steps, rate = poisson_batches(patients=patients, batch_size=recipe.batch_size)
    if math.isinf(one.epsilon):
        return Protection(0.0, UNCLIPPED, rate, steps)
    noise = least_noise(epsilon=one.epsilon, delta=DELTA, sample_rate=rate, steps=steps * recipe.epochs)
    return Protection(noise, CLIPPING_NORM, rate, steps)


def train_model(one: Trained, member: np.ndarray, inputs: Path, study: Study, file: Path, device: torch.device) -> None:
    """Train on the members and keep the log-odds of all patients in a file; nothing is done twice."""
    if file.exists():
        return
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    parts, samples, trunk = load_inputs(inputs, one)
    network = begun(one, parts, study, trunk).to(device)
    learned = samples.take(np.flatnonzero(member)).to(device)
    head, settings = one.mode == "head", training_settings(one, study)
    private_epochs(
        network,
        optimizer_for(learning_part(network, head=head), settings, stage=0),
        parts,
        learned,
        settings,
        protection(one, patients=len(learned)),
        head=head,
        epochs=RECIPES[one.mode].epochs,
        noise=noise_of(one, study),
    )
    atomic.write_bytes(file, patient_logits(slice_logits(network, parts, samples.to(device))).tobytes())


def noise_of(one: Trained, study: Study) -> Noise:
    """Of the seed alone, so that a run can be repeated; a hospital's comes from a key of its own."""
    key = hashlib.sha256(f"{study.seed} {one.name}".encode()).digest()
    return Silent(key) if math.isinf(one.epsilon) else Noise(key)


class Silent(Noise):
    """Draws batches and adds nothing, so that training without privacy differs in nothing else."""

    def normal(self, size: int) -> np.ndarray:
        """Zeros."""
        return np.zeros(size)


def training_settings(one: Trained, study: Study) -> Training:
    """The study's training with the recipe's epochs, rate and batches, one slice a patient."""
    recipe = RECIPES[one.mode]
    stages = (Stage(epochs=recipe.epochs, learning_rate=recipe.learning_rate),)
    changes = {"stages": stages, "batch_size": recipe.batch_size, "slices_per_epoch": "one"}
    return study.training.model_copy(update=changes)


def begun(one: Trained, parts: Parts, study: Study, trunk: nn.Module | None) -> FusionNetwork:
    """The network before training, the same for all models of a mode, as a server sends it to all sites.

    Random with GroupNorm, or for the head one that passes on cached deep features.
    """
    settings = study.network.model_copy(update={"normalization": "batch" if one.mode == "head" else "group"})
    network = build_network(parts, settings, seed=derive_seed(study.seed, "privacy", one.mode))
    if trunk is not None:
        network.trunk = copy.deepcopy(trunk)  # type: ignore[assignment]
    return network


def save_inputs(parts: Parts, samples: Samples, network: FusionNetwork, folder: Path) -> None:
    """Write what the models are trained on: patches for the full network, cached deep features for the head."""
    folder.mkdir(parents=True, exist_ok=True)
    deep = head_inputs(network, parts, samples)[:, :, :DEEP_FEATURES].contiguous()
    for name, patches in (("full", samples.patches), ("head", deep)):
        arrays = {"patches": patches, "radiomics": samples.radiomics, "clinical": samples.clinical}
        torch.save(
            {**arrays, "labels": samples.labels, "parts": (parts.radiomics, parts.clinical)}, folder / f"{name}.pt"
        )


def load_inputs(folder: Path, one: Trained) -> tuple[Parts, Samples, nn.Module | None]:
    """The inputs of a mode, and for the head a trunk that passes its deep features on."""
    stored = torch.load(folder / f"{one.mode}.pt", weights_only=True)
    samples = Samples(stored["patches"], stored["radiomics"], stored["clinical"], stored["labels"])
    radiomics, clinical = stored["parts"]
    return (
        Parts(patches=True, radiomics=radiomics, clinical=clinical),
        samples,
        nn.Identity() if one.mode == "head" else None,
    )
