"""A sealed signature applied to the patients of a site."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from client.check import everyone_in_quarantine, image_files
from client.clinical import encode
from client.cohort import Cohort, read_cohort
from client.extraction import Extraction, extract_cohort
from client.pipeline import PORTION
from client.prediction import patient_logits, patient_scores, slice_logits
from client.quarantine import Quarantined
from client.radiomics import feature_names
from client.samples import Samples
from client.site import Site
from common.errors import DataError, SignatureError
from common.network import FusionNetwork, channels_last
from common.progress import progress_bar
from common.scaling import Scaling
from common.signature import DESCRIPTION_FILE, Description, SealedScaling, open_signature

NAMED = 5
"""Patients an error names at most."""


@dataclass(frozen=True)
class Signature:
    """An opened signature on the device that computes, the SHA-256 of its signature.json, and who signed it."""

    description: Description
    network: FusionNetwork
    sha256: str
    device: torch.device
    signer: str
    """Fingerprint of the key that signed."""
    trusted: bool


@dataclass(frozen=True)
class Scored:
    """What a signature says of a site's patients; everything is in the order of `patients`."""

    signature: Signature
    patients: pd.DataFrame
    """The rows of cohort.csv of those that were scored, indexed by patient_id."""
    samples: Samples
    """Patches and standardised radiomic and clinical inputs, as the network saw them; labels by the sealed TPS."""
    slice_logits: np.ndarray
    """Log-odds of high PD-L1, float64 (patients, slices)."""
    extraction: Extraction
    quarantined: tuple[Quarantined, ...]
    """Those of the asked for patients that could not be scored."""

    @property
    def logits(self) -> np.ndarray:
        """Log-odds of each patient's PD-L1ES, float64 (patients,)."""
        return patient_logits(self.slice_logits)

    @property
    def scores(self) -> np.ndarray:
        """PD-L1ES of each patient, float64 (patients,)."""
        return patient_scores(self.slice_logits)

    def place(self, patient_id: str) -> int:
        """Position of a patient in all of this; ValueError for one who was not scored."""
        return list(self.patients.index).index(patient_id)

    def table(self) -> pd.DataFrame:
        """The patients with log-odds, score and the log-odds of each slice, as `pipeline.predict` names them."""
        places = range(self.slice_logits.shape[1])
        slices = {f"pdl1es_slice{place}_logit": self.slice_logits[:, place] for place in places}
        return self.patients.assign(pdl1es_logit=self.logits, pdl1es_score=self.scores, **slices)


def score_patients(
    site: Site,
    signature_folder: Path,
    *,
    patients: Sequence[str] | None = None,
    jobs: int,
    device: torch.device,
    trusted: str | None = None,
) -> Scored:
    """Score a site's patients, or those named, with a sealed signature; nothing is fitted on them.

    Features and patches come from the cache where they were computed before. A feature without a finite value and an
    unknown clinical value stand at the training mean. `trusted` is the fingerprint of the key that must have signed.
    SignatureError when the signature cannot be used, DataError when a patient is unknown or nobody could be computed.
    """
    signature = load_signature(signature_folder, device, trusted=trusted)
    description = signature.description
    cohort = _only(read_cohort(site), patients, site)
    extraction = extract_cohort(
        image_files(site, cohort),
        resampling=description.settings.resampling,
        patches=description.settings.patches,
        radiomics=description.settings.radiomics,
        cache=site.cache,
        jobs=jobs,
    )
    quarantined = everyone_in_quarantine(cohort, extraction.quarantined)
    if extraction.features.empty:
        first = quarantined[0].sentence() if quarantined else "none was asked for"
        raise DataError(f"{site.cohort_file}: no patient could be scored ({first}); mend that and run again")
    table = cohort.patients.loc[list(extraction.features.index)]
    samples = standardised(table, extraction, description)
    return Scored(signature, table, samples, _logits(signature, samples), extraction, quarantined)


def load_signature(folder: Path, device: torch.device, *, trusted: str | None = None) -> Signature:
    """Open a signature and put its network on a device; SignatureError when it cannot be used."""
    opened = open_signature(folder, trusted=trusted)
    description = opened.description
    unknown = sorted({*description.radiomic_features} - {*feature_names(description.settings.radiomics)})
    if unknown:
        raise SignatureError(
            f"{folder / DESCRIPTION_FILE}: its radiomics settings do not give its feature {unknown[0]}; "
            "ask for the signature again"
        )
    network = channels_last(opened.network.to(device)).eval()
    return Signature(description, network, opened.sha256, device, opened.signer, opened.trusted)


def standardised(patients: pd.DataFrame, extraction: Extraction, description: Description) -> Samples:
    """The patients as the network wants them, scaled as the training patients were."""
    features = extraction.features[list(description.radiomic_features)].to_numpy()
    clinical = encode(patients)[list(description.clinical_variables)].to_numpy()
    label = (patients["tps"] >= description.label_tps).astype(float).where(patients["tps"].notna(), -1)
    return Samples(
        patches=torch.as_tensor(np.stack([extraction.patches[str(name)] for name in patients.index])),
        radiomics=_scaled(features, description.radiomics_scaling),
        clinical=_scaled(clinical, description.clinical_scaling),
        labels=torch.as_tensor(label.to_numpy(), dtype=torch.long),
    )


def _scaled(values: np.ndarray, sealed: SealedScaling) -> torch.Tensor:
    scaled = Scaling.from_dict(sealed.model_dump()).apply(values)
    # what is unknown stands at the training mean
    return torch.as_tensor(np.where(np.isfinite(scaled), scaled, 0), dtype=torch.float32)


def _logits(signature: Signature, samples: Samples) -> np.ndarray:
    found, parts = [], signature.description.parts()
    with progress_bar("scores", len(samples)) as advance:
        for portion in np.array_split(np.arange(len(samples)), math.ceil(len(samples) / PORTION)):
            found.append(slice_logits(signature.network, parts, samples.take(portion).to(signature.device)))
            advance(len(portion))
    return np.concatenate(found)


def _only(cohort: Cohort, names: Sequence[str] | None, site: Site) -> Cohort:
    if names is None:
        return cohort
    known = [*map(str, cohort.patients.index), *(one.patient_id for one in cohort.quarantined)]
    if unknown := [name for name in names if name not in known]:
        raise DataError(f"{site.cohort_file}: has no patient {_listed(unknown)}; {_remedy(unknown[0], known)}")
    asked = set(names)
    patients = cohort.patients[cohort.patients.index.isin(asked)]
    return Cohort(patients, tuple(one for one in cohort.quarantined if one.patient_id in asked))


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(map(repr, names[:NAMED])) + more


def _remedy(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    return f"did you mean {' or '.join(map(repr, near))}?" if near else "give an id as it stands in the table"
