"""Made-up patients whose label and hazard both follow one latent number."""

from __future__ import annotations

import numpy as np
import pandas as pd

MODELS = ("pdl1es", "clinical", "radiomics", "deep")


def made_up_patients(*, seed: int = 3, patients: int = 60) -> pd.DataFrame:
    """Predictions as `client.pipeline.predict` gives them, `patients` in each division."""
    random = np.random.default_rng(seed)
    divisions = ("training", "validation", "test", "immunotherapy")
    table = pd.concat([_division(name, patients, random) for name in divisions], ignore_index=True)
    table.index = pd.Index([f"P{number:04d}" for number in range(len(table))], name="patient_id")
    return table


def _division(name: str, patients: int, random: np.random.Generator) -> pd.DataFrame:
    latent, treated = random.normal(size=patients), name == "immunotherapy"
    days = np.ceil(random.exponential(300 / np.exp(0.8 * latent)))
    part = pd.DataFrame({"division": [name] * patients})
    part["label"] = (latent + random.normal(size=patients) > 0.4).astype(float)
    part["tps"] = np.where(part["label"] == 1, 70, 10)
    part["pfs_days"] = np.minimum(days, 500) if treated else np.nan
    part["progressed"] = (days <= 500).astype(float) if treated else np.nan
    part["treatment"] = random.choice(["monotherapy", "combination"], patients) if treated else ""
    part["age"] = np.round(60 + 8 * random.normal(size=patients) + 3 * latent)
    part["sex"] = random.choice(["male", "female"], patients)
    part["smoking"] = random.choice(["never", "occasionally", "constantly"], patients)
    part["family_history"] = random.choice(["no", "yes"], patients)
    part["manufacturer"] = random.choice(["SIEMENS", "Philips", ""], patients)
    part["tube_current_ma"] = random.choice([200.0, 290.0, 400.0, np.nan], patients)
    part["slice_thickness_mm"] = random.choice([1.0, 5.0], patients)
    for place, model in enumerate(MODELS):
        part[f"{model}_logit"] = latent + place * random.normal(size=patients)
        part[f"{model}_score"] = 1 / (1 + np.exp(-part[f"{model}_logit"]))
    part["pdl1es_slice0_logit"] = part["pdl1es_logit"]
    return part
