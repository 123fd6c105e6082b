"""A private cohort, whose patients are attacked, and a public one, which decides all that is not learned in private."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save

from client.checkpoint import Checkpoint
from client.clinical import encode, fit_clinical
from client.models import model_parts
from client.pipeline import Inputs, Prepared, divided, gather, prepare, standardised
from client.samples import Samples
from client.site import load_site
from client.training import train
from common import atomic
from common.network import Parts, build_network
from common.parallel import cores
from common.seeds import derive_seed
from common.study import Study
from simulation.cohort import make_site
from simulation.privacy_cost.settings import POOL_HALVES, PRIVATE_SEED, PUBLIC_PATIENTS, PUBLIC_SEED, TEST_PATIENTS

TRUNK_FILE = "trunk.safetensors"


@dataclass(frozen=True)
class Cohorts:
    """Private patients as the network sees them, the first `pool` of them attacked, the others to judge on."""

    parts: Parts
    samples: Samples
    pool: int
    trunk: Path


def make_cohorts(study: Study, folder: Path, device: torch.device) -> Cohorts:
    """Make both cohorts, or read what is there; the trunk is trained on the public one without privacy."""
    size = _patients(study, "training")
    chosen = {"training": PUBLIC_PATIENTS * size, "validation": _patients(study, "validation")}
    public = _site(study, PUBLIC_SEED, folder / "public", **chosen)
    private = _site(study, PRIVATE_SEED, folder / "private", training=POOL_HALVES * size + TEST_PATIENTS)
    prepared, cohort = prepare(*public), divided(*public)
    neighbours = study.clinical.imputation_neighbours
    clinical = fit_clinical(encode(cohort.patients)[cohort.training], neighbours=neighbours)
    samples = standardised(divided(*private), prepared.selected, prepared.radiomics_scaling, clinical)
    parts = model_parts(radiomics=len(prepared.selected), clinical=samples.clinical.shape[1])["pdl1es"]
    trunk = folder / TRUNK_FILE
    if not trunk.exists():
        _train_trunk(study, parts, prepared, trunk, device)
    return Cohorts(parts, samples, POOL_HALVES * size, trunk)


def _patients(study: Study, division: str) -> int:
    return int(getattr(study.synthetic, division))


def _site(study: Study, seed: int, folder: Path, **sizes: int) -> tuple[Inputs, Study]:
    """A cohort of so many patients, and nobody in the other divisions."""
    empty = dict.fromkeys(("validation", "test", "immunotherapy", "low_quality"), 0)
    synthetic = study.synthetic and study.synthetic.model_copy(update={**empty, **sizes})
    variant = study.model_copy(update={"seed": derive_seed(study.seed, "privacy", seed), "synthetic": synthetic})
    make_site(variant, folder, jobs=cores(), resume=True)
    return gather(load_site(folder), variant, jobs=cores()), variant


def _train_trunk(study: Study, parts: Parts, prepared: Prepared, file: Path, device: torch.device) -> None:
    seed = derive_seed(study.seed, "privacy", "trunk")
    network = build_network(parts, study.network, seed=seed).to(device)
    torch.set_num_threads(cores())
    best, _ = train(
        network,
        parts,
        prepared.division("training").to(device),
        prepared.division("validation").to(device),
        study.training,
        seed=seed,
        checkpoint=Checkpoint(file.with_suffix(".pt")),
        after_epoch=lambda _: None,
    )
    atomic.write_bytes(file, save({name: value.cpu().contiguous() for name, value in best.items()}))
