"""The signature, the paper's comparison models and re-divisions, trained the same way, beside each other."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, wait
from dataclasses import dataclass
from multiprocessing import SimpleQueue
from pathlib import Path

import numpy as np
import torch

from client.checkpoint import Checkpoint
from client.samples import Arrays, Samples
from client.training import Epoch, train
from common.errors import UsageError
from common.network import FusionNetwork, Parts, build_network, channels_last
from common.parallel import cores, given_queue, in_parallel
from common.progress import progress_bar
from common.seeds import derive_seed
from common.study import Study

_PARALLEL_ON_CPU = 2


@dataclass(frozen=True)
class TrainedModel:
    """A model with the weights that were best on validation, and its learning curve."""

    parts: Parts
    weights: dict[str, np.ndarray]
    history: tuple[Epoch, ...]

    def network(self, study: Study, device: torch.device) -> FusionNetwork:
        """The network with its weights, on a device."""
        network = FusionNetwork(self.parts, study.network)
        network.load_state_dict({name: torch.as_tensor(value) for name, value in self.weights.items()})
        return channels_last(network.to(device))


def model_parts(*, radiomics: int, clinical: int) -> dict[str, Parts]:
    """What each model sees, given the number of selected features and of clinical variables."""
    return {
        "pdl1es": Parts(patches=True, radiomics=radiomics, clinical=clinical),
        "deep": Parts(patches=True, radiomics=0, clinical=0),
        "radiomics": Parts(patches=False, radiomics=radiomics, clinical=0),
        "clinical": Parts(patches=False, radiomics=0, clinical=clinical),
    }


def choose_device(wish: str) -> torch.device:
    """cpu, cuda, or for auto whatever this machine has; UsageError for anything else."""
    if wish not in ("auto", "cpu", "cuda"):
        raise UsageError(f"device is {wish!r}; choose auto, cpu or cuda")
    if wish == "cuda" and not torch.cuda.is_available():
        raise UsageError("device is cuda, but torch finds no CUDA device on this machine; choose auto or cpu")
    if wish == "auto":
        wish = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(wish)


def jobs_on(device: torch.device) -> int:
    """How many models train at a time."""
    return 1 if device.type == "cuda" else min(_PARALLEL_ON_CPU, cores())


@dataclass(frozen=True)
class Lesson:
    """What a model sees, the patients it learns from and those that choose its best epoch."""

    parts: Parts
    training: Samples
    validation: Samples


def train_models(
    lessons: Mapping[str, Lesson], study: Study, *, folder: Path, device: torch.device
) -> dict[str, TrainedModel]:
    """Train the models, or what is left of them, each in a process of its own, the first ones first.

    Checkpoints go to `folder`. On a CPU two models run at a time with half of the cores each.
    """
    epochs = sum(stage.epochs for stage in study.training.stages)
    jobs = jobs_on(device)
    queue = multiprocessing.get_context("spawn").SimpleQueue()
    tasks = [
        (one.parts, (one.training.arrays(), one.validation.arrays()), study, folder / f"{name}.pt", device)
        for name, one in lessons.items()
    ]
    with (
        progress_bar(f"training {len(tasks)} models", epochs * len(tasks)) as advance,
        in_parallel(_train_one, tasks, jobs=jobs, threads=max(1, cores() // jobs), queue=queue) as futures,
    ):
        while not all(future.done() for future in futures):
            for future in wait(futures, timeout=0.2, return_when=FIRST_EXCEPTION).done:
                future.result()
            _forward(queue, advance)
        _forward(queue, advance)
        return {name: future.result() for name, future in zip(lessons, futures, strict=True)}


def _forward(queue: SimpleQueue[int], advance: Callable[[int], None]) -> None:
    while not queue.empty():
        advance(queue.get())


def _train_one(
    parts: Parts, data: tuple[Arrays, Arrays], study: Study, file: Path, device: torch.device
) -> TrainedModel:
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    seed = derive_seed(study.seed, "training", file.stem)
    network = build_network(parts, study.network, seed=seed).to(device)
    weights, history = train(
        network,
        parts,
        Samples.from_arrays(data[0]).to(device),
        Samples.from_arrays(data[1]).to(device),
        study.training,
        seed=seed,
        checkpoint=Checkpoint(file),
        after_epoch=given_queue().put,
    )
    return TrainedModel(parts, {name: value.cpu().numpy() for name, value in weights.items()}, tuple(history))
