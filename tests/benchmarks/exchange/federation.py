"""Sites with made-up patients and DenseNet121 at full size, prepared up to the training."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tomlkit
from flwr.serverapp import Grid

from client.approval import approve
from client.federation.answer import STUDY_FILE
from client.federation.dataset import Dataset
from client.pipeline import Divided
from client.site import COHORT_COLUMNS, Site, init_site
from common.study import parse_study
from server.coordinate import PHASES
from server.exchange import Exchange
from server.live import Live
from server.study_run import StudyRun, federation_of, open_run
from simulation.cohort.sites import numbered_names
from simulation.federation.grid import ParallelGrid
from simulation.studies import federated_text, preset_text, resized_text
from tests.simulation.small_federation import place_dataset

POLL_SECONDS = 0.05
FEATURES = tuple(f"feature-{number}" for number in range(100))
MANY_EPOCHS = 1000
"""A measurement stops the training when it has seen enough rounds."""

Submit = Callable[..., Future[Any]]


@dataclass(frozen=True)
class Size:
    """How large the measured federation is, and how often a thing is measured."""

    sites: int
    training: int
    validation: int
    pixels: int
    rounds: int
    """Counted rounds of a run."""
    turns: int
    """How often the competitors take turns."""
    slow_turns: int
    """The same for what takes long to start."""


FULL = Size(sites=4, training=64, validation=12, pixels=112, rounds=4, turns=4, slow_turns=2)
MANY = Size(sites=16, training=64, validation=12, pixels=112, rounds=3, turns=2, slow_turns=1)
QUICK = Size(sites=2, training=16, validation=12, pixels=32, rounds=2, turns=1, slow_turns=1)


@dataclass(frozen=True)
class Prepared:
    """A folder with study.toml, the sites' folders, and the server's state as it is before the first round."""

    folder: Path
    size: Size

    @property
    def study_file(self) -> Path:
        """The study."""
        return self.folder / "study.toml"

    @property
    def sites(self) -> dict[str, Path]:
        """The sites' folders by name."""
        return {name: self.folder / name for name in numbered_names(self.size.sites)}

    def begin(self, name: str) -> Path:
        """A server's folder of its own for one measurement."""
        server = self.folder / f"server-{name}"
        shutil.rmtree(server, ignore_errors=True)
        shutil.copytree(self.folder / "server" / "state", server / "state")
        return server

    def run(self, server: Path, grid: Grid, live: Live) -> StudyRun:
        """What the coordinator's command trains with."""
        exchange = Exchange(grid, federation_of(parse_study(self.study_file.read_text())), poll_seconds=POLL_SECONDS)
        return open_run(self.study_file, server, exchange, live)


def prepare(folder: Path, size: Size, submit: Submit) -> Prepared:
    """Make the folders and let server and sites do every phase before the training."""
    prepared = Prepared(folder, size)
    prepared.study_file.write_text(_study(size))
    for number, (name, site_folder) in enumerate(prepared.sites.items()):
        site = init_site(site_folder, name=name, threads=1, made_up=True)
        (site_folder / STUDY_FILE).parent.mkdir()
        shutil.copy(prepared.study_file, site_folder / STUDY_FILE)
        approve(site, site_folder / STUDY_FILE)
        dataset = _patients(size, seed=number)
        _write_table(site, dataset)
        place_dataset(site, prepared.study_file, dataset)
    live = Live(folder / "server", say=lambda _: None)
    run = prepared.run(folder / "server", ParallelGrid(submit, prepared.sites), live)
    for name, phase in takewhile(lambda one: one[0] != "training", PHASES):
        if not run.done(name):
            phase(run)
    live.close()
    return prepared


def _study(size: Size) -> str:
    # the made-up patients come from elsewhere, but a study of many sites must have enough
    text = resized_text(preset_text("paper"), patients=max(1000, 100 * size.sites))
    document = tomlkit.parse(federated_text(text, sites=size.sites))
    document["patches"]["size_pixels"] = size.pixels
    document["selection"]["p_value"] = 1.0
    document["training"]["stages"] = [{"epochs": MANY_EPOCHS, "learning_rate": 1e-4}]
    return tomlkit.dumps(document)


def _write_table(site: Site, dataset: Dataset) -> None:
    """A cohort.csv of these patients, whose files a site looks up with every message."""
    table = pd.DataFrame("", dataset.cohort.patients.index, list(COHORT_COLUMNS)).drop(columns="patient_id")
    for column in ("image", "mask"):
        table[column] = [f"images/{name}-{column}.nii.gz" for name in table.index]
    table.to_csv(site.cohort_file)


def _patients(size: Size, *, seed: int) -> Dataset:
    random, sizes = np.random.default_rng(seed), {"training": size.training, "validation": size.validation, "test": 12}
    table = pd.DataFrame({"division": np.repeat(list(sizes), list(sizes.values()))})
    table.index = pd.Index([f"patient-{place}" for place in range(len(table))], name="patient_id")
    table["label"] = (np.arange(len(table)) % 2).astype(float)
    table["age"] = np.round(60 + 8 * random.normal(size=len(table)))
    for column, values in {
        "sex": ["male", "female"],
        "smoking": ["never", "occasionally", "constantly"],
        "family_history": ["no", "yes"],
    }.items():
        table[column] = random.choice(values, len(table))
    features = pd.DataFrame(random.normal(size=(len(table), len(FEATURES))), table.index, list(FEATURES))
    patches = random.integers(0, 256, size=(len(table), 3, size.pixels, size.pixels), dtype=np.uint8)
    return Dataset(Divided(table.assign(pfs_days=np.nan, progressed=np.nan), features, patches), 0, 0)
