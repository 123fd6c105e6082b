"""The signature as if all sites' patients lay in one place: what a federation is measured against."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch

from client.models import Lesson, TrainedModel, model_parts, train_models
from client.pipeline import Inputs, Prepared, gather, prepare
from client.site import load_site
from common.federated_model import MODEL
from common.parallel import cores
from common.study import Study


def gather_all(study: Study, folders: Mapping[str, Path]) -> Inputs:
    """Everything that the sites have, side by side."""
    parts = [gather(load_site(folder), study, jobs=cores()) for folder in folders.values()]
    extractions = [part.extraction for part in parts]
    together = replace(
        extractions[0],
        features=pd.concat([one.features for one in extractions]),
        patches={name: patch for one in extractions for name, patch in one.patches.items()},
        not_computed=tuple(missing for one in extractions for missing in one.not_computed),
    )
    return Inputs(
        patients=pd.concat([part.patients for part in parts]),
        extraction=together,
        excluded=dict(sum((Counter(part.excluded) for part in parts), Counter())),
        quarantined=tuple(one for part in parts for one in part.quarantined),
    )


def train_pooled(
    study: Study, folders: Mapping[str, Path], *, models: Path, device: torch.device
) -> tuple[Prepared, TrainedModel]:
    """Prepare and train PD-L1ES on all patients at once, from the same seed as the federation."""
    prepared = prepare(gather_all(study, folders), study)
    training, validation = prepared.division("training"), prepared.division("validation")
    parts = model_parts(radiomics=training.radiomics.shape[1], clinical=training.clinical.shape[1])[MODEL]
    lesson = Lesson(parts, training, validation)
    return prepared, train_models({MODEL: lesson}, study, folder=models, device=device)[MODEL]
