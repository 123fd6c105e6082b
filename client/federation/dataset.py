"""A site's patients made ready once for a study, and found again by every later message."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from client.clinical import AtTheMean, ClinicalPreparation, encode
from client.cohort_table import read_rows
from client.extraction_cache import EXTRACTION_VERSION
from client.pipeline import Divided, Inputs, divided, gather, standardised
from client.samples import Samples
from client.site import Site
from common import atomic
from common.code_hash import code_sha256
from common.errors import DataError
from common.messages import Preparation
from common.study import Study

LARGEST_Z = 10.0
STATE_FILE, ALONE_FILE = "training.pt", "alone.pt"
_FILES = ("patients.parquet", "features.parquet", "patches.npy", "counts.json")


@dataclass(frozen=True)
class Dataset:
    """The divided patients of a site, and how many were left out on the way."""

    cohort: Divided
    excluded: int
    quarantined: int

    def patients(self, division: str) -> pd.DataFrame:
        """The rows of one division."""
        return self.cohort.patients[self.cohort.patients["division"] == division]


def federation_cache(site: Site, study_sha256: str) -> Path:
    """Where a site keeps what it needs between the messages of a study."""
    return site.cache / "federation" / study_sha256[:16]


def make_dataset(site: Site, study: Study, study_sha256: str, *, jobs: int) -> Dataset:
    """Read and compute every patient, or what is not known yet, and keep the result for the messages to come."""
    inputs = gather(site, study, jobs=jobs)
    dataset = _dataset(inputs, study)
    folder = federation_cache(site, study_sha256)
    for name in (STATE_FILE, ALONE_FILE):
        # what was learned from other patients or by another program
        (folder / name).unlink(missing_ok=True)
    for name, data in zip(_FILES, _contents(dataset), strict=True):
        atomic.write_bytes(folder / name, data)
    atomic.write_text(folder / "key", _key(site))
    return dataset


def load_dataset(site: Site, study: Study, study_sha256: str, *, jobs: int) -> Dataset:
    """What `make_dataset` kept; made anew when the table or the program changed since."""
    folder = federation_cache(site, study_sha256)
    key = folder / "key"
    if not key.is_file() or key.read_text("utf-8") != _key(site):
        return make_dataset(site, study, study_sha256, jobs=jobs)
    try:
        patients, features = (pd.read_parquet(folder / name) for name in _FILES[:2])
        patches = np.load(folder / _FILES[2], allow_pickle=False)
        counts = json.loads((folder / _FILES[3]).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{folder}: cannot be read ({error}); delete it, it is made again") from error
    return Dataset(Divided(patients, features, patches), counts["excluded"], counts["quarantined"])


def prepared_samples(dataset: Dataset, preparation: Preparation, study: Study) -> Samples:
    """All patients as the network sees them, by what the sites decided together; donors are this site's own.

    In a study with differential privacy nobody is a donor, as a patient would be in another's inputs.
    """
    cohort, scaling = dataset.cohort, preparation.clinical.scaling()
    names, radiomics = preparation.radiomic_features, preparation.radiomics.scaling()
    if study.privacy is not None:
        return bounded(standardised(cohort, names, radiomics, AtTheMean(scaling)))
    donors = scaling.apply(encode(cohort.patients)[cohort.training].to_numpy(dtype=float))
    clinical = ClinicalPreparation(study.clinical.imputation_neighbours, scaling, donors)
    return standardised(cohort, names, radiomics, clinical)


def bounded(samples: Samples) -> Samples:
    """The same with values cut to 10 deviations.

    A scaling made for the purpose would carry a single patient's value beyond every number, and the failure would tell.
    """
    values = (samples.radiomics, samples.clinical)
    radiomics, clinical = (torch.nan_to_num(one, nan=0.0).clamp(-LARGEST_Z, LARGEST_Z) for one in values)
    return replace(samples, radiomics=radiomics, clinical=clinical)


def _dataset(inputs: Inputs, study: Study) -> Dataset:
    return Dataset(divided(inputs, study), sum(inputs.excluded.values()), len(inputs.quarantined))


def _contents(dataset: Dataset) -> tuple[bytes, ...]:
    tables = []
    for table in (dataset.cohort.patients, dataset.cohort.features):
        buffer = io.BytesIO()
        table.to_parquet(buffer)
        tables.append(buffer.getvalue())
    patches = io.BytesIO()
    np.save(patches, dataset.cohort.patches, allow_pickle=False)
    counts = {"excluded": dataset.excluded, "quarantined": dataset.quarantined}
    return (*tables, patches.getvalue(), json.dumps(counts).encode())


def _key(site: Site) -> str:
    """What the kept patients depend on: the table, the program, and of each image and mask its size and time."""
    digest = hashlib.sha256(site.cohort_file.read_bytes())
    for _, row in read_rows(site.cohort_file):
        for column in ("image", "mask"):
            path = site.folder / row[column]
            found = path.stat() if path.is_file() else None
            digest.update(f"{row[column]} {found.st_size} {found.st_mtime_ns}\n".encode() if found else b"none\n")
    return f"{digest.hexdigest()} {code_sha256()} {EXTRACTION_VERSION}"
