"""A site with any number of tiny patients, whose features lie in its cache already."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import SimpleITK as sitk
import tomlkit

from client.cohort import Cohort
from client.extraction_cache import Recipe, Record, record_key, record_path, save_record
from client.extraction_task import Refusal
from client.preflight.look import Look, Task, look
from client.preflight.survey import LUNG_WINDOW_HU, Survey
from client.radiomics import feature_names
from client.site import COHORT_COLUMNS, Site, init_site
from common.study import Study
from simulation.studies import preset_text, synthetic_study
from tests.benchmarks.radiomics.cases import made_up

PIXELS = 32


def _study() -> Study:
    document = tomlkit.parse(preset_text("paper"))
    document["patches"]["size_pixels"] = PIXELS
    return synthetic_study(tomlkit.dumps(document))


STUDY = _study()


def made_up_site(folder: Path, patients: int) -> Site:
    """A site's folder with so many patients; image and mask are a few bytes each, for nothing reads them."""
    site = init_site(folder / "site", name="Made up", made_up=True)
    random, recipe = np.random.default_rng(patients), Recipe(STUDY.resampling, STUDY.patches, STUDY.radiomics)
    table = _table(random, patients)
    table.to_csv(site.cohort_file, index=False)
    features = len(feature_names(STUDY.radiomics))
    (site.cache / "patients").mkdir(parents=True)
    for name, image, mask in zip(table["patient_id"], table["image"], table["mask"], strict=True):
        for path in (image, mask):
            (site.folder / path).write_text(name)
        patches = random.integers(0, 256, (STUDY.patches.slices, PIXELS, PIXELS), dtype=np.uint8)
        key = record_key(site.folder / image, site.folder / mask, recipe)
        save_record(record_path(site.cache, key), Record(random.normal(size=features), patches, {}))
    return site


def _table(random: np.random.Generator, patients: int) -> pd.DataFrame:
    names = pd.Series([f"patient-{place:06d}" for place in range(patients)])
    table = pd.DataFrame("", names.index, list(COHORT_COLUMNS)).assign(patient_id=names, cohort="expression")
    table["image"], table["mask"] = "images/" + names + "-ct.nii", "images/" + names + "-mask.nii"
    table["tps"] = random.integers(0, 101, patients).astype(str)
    table["age"] = np.where(random.random(patients) < 0.1, "", random.integers(40, 85, patients).astype(str))
    for column, words in {
        "sex": ["male", "female"],
        "smoking": ["never", "occasionally", "constantly", ""],
        "family_history": ["no", "yes", ""],
    }.items():
        table[column] = random.choice(words, patients)
    return table


def made_up_survey(folder: Path, cohort: Cohort) -> Survey:
    """What a preflight has seen of these patients: one made-up CT, with a detail of its own for each."""
    paths = folder / "seen-image.nii", folder / "seen-mask.nii"
    for image, path in zip(made_up(voxels=2000), paths, strict=True):
        sitk.WriteImage(image, str(path))
    seen = look(Task(*paths, STUDY.resampling, LUNG_WINDOW_HU))
    if isinstance(seen, Refusal):
        raise RuntimeError(seen.reason)
    random = np.random.default_rng(0)
    return Survey(cohort, {str(name): _another(seen, str(name), random) for name in cohort.patients.index}, ())


def _another(seen: Look, name: str, random: np.random.Generator) -> Look:
    detail = random.integers(-100, 100, seen.detail.shape, dtype=np.int8)
    return replace(seen, content_sha256=name, detail=detail)
