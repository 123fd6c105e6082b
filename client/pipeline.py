"""A site's cohort made ready for the network, and the trained models applied to it (paper, Methods)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from client.check import everyone_in_quarantine, image_files
from client.clinical import AtTheMean, ClinicalPreparation, encode, fit_clinical
from client.cohort import Cohort, read_cohort
from client.division import divide, divide_each
from client.exclusion import apply_exclusions
from client.extraction import Extraction, extract_cohort
from client.models import TrainedModel
from client.prediction import patient_logits, patient_scores, slice_logits
from client.quarantine import Quarantined, check_limit, counted_reasons
from client.samples import Samples
from client.selection import mann_whitney
from client.site import Site
from common.progress import progress_bar
from common.scaling import Scaling, fit_scaling
from common.selection import select_features
from common.study import Study

PORTION = 64
"""Patients scored at a time."""
DIVISIONS = ("training", "validation", "test", "immunotherapy")


@dataclass(frozen=True)
class Inputs:
    """The patients that take part, what was computed of each, and who was left out and why."""

    patients: pd.DataFrame
    extraction: Extraction
    excluded: dict[str, int]
    quarantined: tuple[Quarantined, ...]

    def quarantine_reasons(self) -> dict[str, int]:
        """How many patients are in quarantine for each kind of reason."""
        return counted_reasons(self.quarantined)


def gather(site: Site, study: Study, *, jobs: int) -> Inputs:
    """Read the table, apply the exclusions, compute or reuse features and patches.

    DataError when more patients are in quarantine than the study allows.
    """
    cohort = read_cohort(site)
    included = apply_exclusions(cohort.patients, study.cohort)
    taking_part = Cohort(included.patients, cohort.quarantined)
    extraction = extract_cohort(
        image_files(site, taking_part),
        resampling=study.resampling,
        patches=study.patches,
        radiomics=study.radiomics,
        cache=site.cache,
        jobs=jobs,
    )
    quarantined = everyone_in_quarantine(cohort, extraction.quarantined)
    total = len(included.patients) + len(cohort.quarantined)
    check_limit(quarantined, total=total, maximum_fraction=study.cohort.maximum_quarantined)
    patients = included.patients.loc[list(extraction.features.index)]
    return Inputs(patients, extraction, included.excluded, quarantined)


@dataclass(frozen=True)
class Divided:
    """Patients with division and label, and what was computed of each, all in the same order."""

    patients: pd.DataFrame
    features: pd.DataFrame
    patches: np.ndarray
    """uint8 (patients, slices, size, size)."""

    @property
    def training(self) -> np.ndarray:
        """Which rows are training patients."""
        return np.asarray(self.patients["division"] == "training")

    def training_labels(self) -> np.ndarray:
        """0 or 1 of each training patient."""
        labels: np.ndarray = self.patients["label"].to_numpy()[self.training]
        return labels


def divided(inputs: Inputs, study: Study) -> Divided:
    """Give every patient division and label."""
    patches = np.stack([inputs.extraction.patches[str(name)] for name in inputs.patients.index])
    return Divided(_with_division(inputs.patients, study), inputs.extraction.features, patches)


@dataclass(frozen=True)
class Prepared:
    """Patients with their division and label, as tensors; and what the training patients decided."""

    patients: pd.DataFrame
    samples: Samples
    p_values: pd.Series
    selected: list[str]
    radiomics_scaling: Scaling
    clinical_scaling: Scaling

    def division(self, name: str) -> Samples:
        """The samples of one division."""
        return division_of(self.samples, self.patients, name)


def division_of(samples: Samples, patients: pd.DataFrame, name: str) -> Samples:
    """The samples of one division of patients in the same order."""
    return samples.take(np.flatnonzero(patients["division"] == name))


def prepare(inputs: Inputs, study: Study) -> Prepared:
    """Divide, label, select, impute and standardise; everything is fitted on the training patients alone."""
    cohort = divided(inputs, study)
    training = cohort.training
    p_values = mann_whitney(cohort.features[training], cohort.training_labels())
    selected = select_features(p_values, study.selection)
    scaling = fit_scaling(cohort.features.loc[training, selected].to_numpy())
    clinical = fit_clinical(encode(cohort.patients)[training], neighbours=study.clinical.imputation_neighbours)
    samples = standardised(cohort, selected, scaling, clinical)
    return Prepared(cohort.patients, samples, p_values, selected, scaling, clinical.scaling)


def standardised(
    cohort: Divided, selected: Sequence[str], scaling: Scaling, clinical: ClinicalPreparation | AtTheMean
) -> Samples:
    """Patients as the network sees them, with features, scaling and imputation that are decided already."""
    values = scaling.apply(cohort.features[list(selected)].to_numpy())
    return Samples(
        patches=torch.as_tensor(cohort.patches),
        # a feature that could not be computed stands at the training mean
        radiomics=torch.as_tensor(np.nan_to_num(values), dtype=torch.float32),
        clinical=torch.as_tensor(clinical.apply(encode(cohort.patients)), dtype=torch.float32),
        labels=torch.as_tensor(cohort.patients["label"].fillna(-1).to_numpy(), dtype=torch.long),
    )


def _with_division(patients: pd.DataFrame, study: Study) -> pd.DataFrame:
    expression = patients[patients["cohort"] == "expression"]
    label = (patients["tps"] >= study.cohort.label_tps).astype(float).where(patients["tps"].notna())
    division = pd.Series("immunotherapy", index=patients.index)
    if study.privacy is None:
        given = divide(expression["split"], label[expression.index], study.division, seed=study.seed)
    else:
        given = divide_each(expression["split"], study.division, seed=study.seed)
    division[expression.index] = given
    return patients.assign(label=label, division=division)


def predict(prepared: Prepared, models: Mapping[str, TrainedModel], study: Study, device: torch.device) -> pd.DataFrame:
    """Every model's log-odds and score for every patient, beside what cohort.csv, division and label say.

    A model that sees patches has a column of log-odds for each slice as well.
    """
    table = prepared.patients.copy()
    portions = np.array_split(np.arange(len(table)), math.ceil(len(table) / PORTION))
    with progress_bar("scores", len(table) * len(models)) as advance:
        for name, model in models.items():
            network, found = model.network(study, device), []
            for portion in portions:
                found.append(slice_logits(network, model.parts, prepared.samples.take(portion).to(device)))
                advance(len(portion))
            logits = np.concatenate(found)
            table[f"{name}_logit"] = patient_logits(logits)
            table[f"{name}_score"] = patient_scores(logits)
            for place in range(logits.shape[1] if model.parts.patches else 0):
                table[f"{name}_slice{place}_logit"] = logits[:, place]
    return table
