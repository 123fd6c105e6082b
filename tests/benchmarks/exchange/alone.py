"""The local training of a round without a federation: from patients, network and optimiser already in memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from client.federation.answer import open_desk
from client.federation.dataset import prepared_samples
from client.federation.training import site_training, validation_sums
from client.pipeline import division_of
from client.site import load_site
from client.training import optimizer_for, train_epoch
from common.federated_model import federated_network, federated_parts
from common.messages import Preparation
from common.parallel import cores
from tests.benchmarks.exchange.federation import Submit


def seconds_alone(submit: Submit, sites: Iterable[Path], preparation: Preparation) -> float:
    """Seconds until all sites have trained, in the processes that also answer messages."""
    folders, text = tuple(sites), preparation.model_dump_json()
    while True:
        start = time.perf_counter()
        were_ready = [one.result() for one in [submit(_train_alone, folder, text) for folder in folders]]
        if all(were_ready):
            return time.perf_counter() - start
        # some process met a site for the first time: let each meet all of them, and measure anew
        for one in [submit(_meet, folders, text) for _ in range(cores())]:
            one.result()


def training_alone(folder: Path, preparation: str) -> Callable[[], None]:
    """What a training message asks a site to compute: validate, then train one epoch."""
    desk, prepared = open_desk(load_site(folder)), Preparation.model_validate_json(preparation)
    samples, patients = prepared_samples(desk.dataset, prepared, desk.study), desk.dataset.cohort.patients
    judged, learned = (division_of(samples, patients, division) for division in ("validation", "training"))
    network, parts = federated_network(desk.study, prepared), federated_parts(prepared)
    optimizer, settings = optimizer_for(network, desk.study.training, stage=0), site_training(desk.study)

    def train() -> None:
        validation_sums(network, prepared, judged, desk.guard())
        train_epoch(network, optimizer, parts, learned, settings, seed=1)

    return train


_known = cache(training_alone)


def _train_alone(folder: Path, preparation: str) -> bool:
    before = _known.cache_info().misses
    _known(folder, preparation)()
    return _known.cache_info().misses == before


def _meet(folders: tuple[Path, ...], preparation: str) -> None:
    for folder in folders:
        _known(folder, preparation)
