"""What a model found of what was written is measured within the classes."""

from __future__ import annotations

import pandas as pd
import pytest

from common.study import parse_study
from simulation.cohort import draw_cohort
from simulation.evaluation import MODELS
from simulation.studies import preset_text
from simulation.truth import latent_correlations

STUDY = parse_study(preset_text("quick"))


def test_model_that_says_the_latent_is_credited_with_it_alone() -> None:
    assert STUDY.synthetic is not None
    cohort = draw_cohort(STUDY, STUDY.synthetic)
    table = cohort.table.set_index("patient_id")
    predictions = pd.DataFrame(
        {
            "division": table["split"],
            "label": (table["tps"] >= 50).astype(float),
            **{f"{model}_logit": [subject.border for subject in cohort.subjects] for model in MODELS},
        },
        index=table.index,
    )
    predictions["clinical_logit"] = 0.0
    found = latent_correlations(predictions, STUDY, STUDY.synthetic)
    assert "clinical" not in found
    assert found["deep"]["border"] == pytest.approx(1)
    assert abs(found["deep"]["texture"]) < 0.3
