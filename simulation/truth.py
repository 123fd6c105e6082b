"""What each model found of what was written into the synthetic patients."""

from __future__ import annotations

import numpy as np
import pandas as pd

from common.study import Study, Synthetic
from simulation.cohort import draw_cohort
from simulation.cohort.volume import Subject
from simulation.evaluation import MODELS

LATENTS = ("border", "texture")


def latent_correlations(predictions: pd.DataFrame, study: Study, synthetic: Synthetic) -> dict[str, dict[str, float]]:
    """Correlation of each model's log-odds with each image latent, within the classes, on patients not trained on.

    `predictions` as for `evaluate`. Within the classes, so that a model which sees one part only is not credited with
    the other. A model that says the same of everyone has no correlation and is left out.
    """
    judged = predictions[predictions["division"].isin(["validation", "test"])]
    subjects = {subject.patient_id: subject for subject in draw_cohort(study, synthetic).subjects}
    found: dict[str, dict[str, float]] = {}
    for model in MODELS:
        logits = _within(judged[f"{model}_logit"], judged["label"])
        if logits.std() > 0:
            found[model] = {
                name: float(np.corrcoef(logits, _within(_latent(judged, subjects, name), judged["label"]))[0, 1])
                for name in LATENTS
            }
    return found


def _latent(patients: pd.DataFrame, subjects: dict[str, Subject], name: str) -> pd.Series:
    return pd.Series([getattr(subjects[str(patient)], name) for patient in patients.index], index=patients.index)


def _within(values: pd.Series, labels: pd.Series) -> pd.Series:
    return values - values.groupby(labels).transform("mean")
