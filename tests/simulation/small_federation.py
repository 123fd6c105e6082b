"""A tiny federation in one process: made-up patients already computed, so that no CT is needed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor, nn

from client.app import app as client_app
from client.approval import approve
from client.federation.answer import STUDY_FILE
from client.federation.dataset import _FILES, Dataset, _contents, _key, federation_cache
from client.pipeline import Divided
from client.site import COHORT_COLUMNS, Site, init_site, load_site
from common.study import Study, parse_study, study_sha256
from server.coordinate import coordinate
from server.exchange import Exchange
from server.live import Live
from server.study_run import StudyRun, federation_of, open_run
from simulation.federation.grid import Fate, InProcessGrid, always_there
from simulation.studies import federated_text, preset_text

FEATURES = tuple(f"feature-{number}" for number in range(12))
SIZES = {"training": 14, "validation": 10, "test": 10, "immunotherapy": 12}
"""Patients of a site by division; a few less or more so that sites differ."""
STAGES = "stages = [{ epochs = 2, learning_rate = 1e-3 }, { epochs = 1, learning_rate = 1e-4 }]"


class TinyTrunk(nn.Module):
    """Stands for DenseNet121 where a test is about messages: as wide, with convolutions and BatchNorm."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 4, kernel_size=3, stride=4), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 1024, kernel_size=1)
        )

    def forward(self, patches: Tensor) -> Tensor:
        maps: Tensor = self.features(patches.unsqueeze(1).float() / 255)
        return maps.relu().mean((2, 3))


def small_text(sites: int, **changes: str) -> str:
    """The quick study over so many sites with tiny patches and short stages; `changes` are TOML values by key."""
    text = federated_text(preset_text("quick"), sites=sites)
    text = re.sub(r"stages = \[[^\]]*\]", STAGES, text)
    wanted = {"size_pixels": "32", "batch_size": "8", "p_value": "0.5", "cutoff": "0.5", **changes}
    if "stages" in wanted:
        text = re.sub(r"stages = .*", f"stages = {wanted.pop('stages')}", text)
    for key, value in wanted.items():
        text, found = re.subn(rf"(?m)^{key} = .*$", f"{key} = {value}", text)
        assert found, key
    parse_study(text)
    return text


def made_up_dataset(number: int) -> Dataset:
    """Patients of site `number` whose features, patches and days follow their label."""
    random = np.random.default_rng(100 + number)
    table = pd.concat([_division(name, size + number, random) for name, size in SIZES.items()], ignore_index=True)
    table.index = pd.Index([f"SECRET-{number}-{place:03d}" for place in range(len(table))], name="patient_id")
    latent = table["label"].fillna(0.5).to_numpy() - 0.5
    values = random.normal(size=(len(table), len(FEATURES))) * 10 + 100 + 5 * latent[:, None]
    values[random.random(values.shape) < 0.02] = np.nan
    noise = random.integers(0, 160, size=(len(table), 3, 32, 32))
    patches = np.clip(noise + 20 * (latent[:, None, None, None] + 0.5), 0, 255).astype(np.uint8)
    return Dataset(Divided(table, pd.DataFrame(values, table.index, list(FEATURES)), patches), 1, 0)


def _division(name: str, size: int, random: np.random.Generator) -> pd.DataFrame:
    treated = name == "immunotherapy"
    part = pd.DataFrame({"division": [name] * size})
    part["label"] = np.nan if treated else random.permutation(np.arange(size) % 2).astype(float)
    part["age"] = np.round(60 + 8 * random.normal(size=size))
    part["sex"] = random.choice(["male", "female"], size)
    part["smoking"] = random.choice(["never", "occasionally", "constantly", ""], size)
    part["family_history"] = random.choice(["no", "yes"], size)
    part["pfs_days"] = np.ceil(random.exponential(300, size)) if treated else np.nan
    part["progressed"] = (random.random(size) < 0.7).astype(float) if treated else np.nan
    return part


def place_dataset(site: Site, study_file: Path, dataset: Dataset) -> None:
    """Put a dataset where the site looks for what it has computed already."""
    folder = federation_cache(site, study_sha256(study_file))
    folder.mkdir(parents=True)
    for name, data in zip(_FILES, _contents(dataset), strict=True):
        (folder / name).write_bytes(data)
    (folder / "key").write_text(_key(site))


@dataclass
class SmallFederation:
    """Sites and a server under one folder; `start` does what the coordinator's command does."""

    folder: Path
    text: str
    datasets: Mapping[str, Dataset]
    there: Fate = always_there
    grid_type: Callable[..., InProcessGrid] = InProcessGrid
    clock: Callable[[], float] | None = None
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.study_file.write_text(self.text)
        self.folders = {name: self.folder / name for name in self.datasets}
        for name, dataset in self.datasets.items():
            if not self.folders[name].exists():
                init_site(self.folders[name], name=name, threads=1, made_up=True)
                settings = self.folders[name] / "site.toml"
                settings.write_text(settings.read_text().replace("minimum_count = 10 ", "minimum_count = 5 "))
                site = load_site(self.folders[name])
                assert site.policy.minimum_count == 5
                row = ["SECRET-0", "expression", "ct.nii", "mask.nii", *[""] * (len(COHORT_COLUMNS) - 4)]
                site.cohort_file.write_text(site.cohort_file.read_text() + ",".join(row) + "\n")
                (site.folder / STUDY_FILE).parent.mkdir()
                (site.folder / STUDY_FILE).write_text(self.text)
                approve(site, site.folder / STUDY_FILE)
                place_dataset(site, self.study_file, dataset)

    @property
    def study_file(self) -> Path:
        return self.folder / "study.toml"

    @property
    def study(self) -> Study:
        return parse_study(self.text)

    @property
    def server(self) -> Path:
        return self.folder / "server"

    def open(self, grid: InProcessGrid | None = None) -> StudyRun:
        """A run that begins, or goes on with what is in the server's folder."""
        grid = grid or self.grid_type(client_app, self.folders, there=self.there)
        clock = {} if self.clock is None else {"clock": self.clock, "sleep": lambda _: None}
        exchange = Exchange(grid, federation_of(self.study), poll_seconds=0.0, **clock)
        return open_run(self.study_file, self.server, exchange, Live(self.server, say=self.said.append))

    def start(self, grid: InProcessGrid | None = None) -> dict[str, Any]:
        """Run or resume the study; what coordinate returns."""
        run = self.open(grid)
        try:
            return coordinate(run, self.server)
        finally:
            run.live.close()


def federation(folder: Path, sites: int, *, there: Fate = always_there, **changes: str) -> SmallFederation:
    """Sites site-1, site-2, ... with made-up patients."""
    datasets = {f"site-{number}": made_up_dataset(number) for number in range(1, sites + 1)}
    return SmallFederation(folder, small_text(sites, **changes), datasets, there)
