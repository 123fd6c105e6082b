"""A centre with both cohorts, whose patients share a few scans and differ in their clinical values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from phantoms import tumour_volume, write_volume
from signatures import LINEAR, PATCHES, RADIOMICS, seal_signature

from client.site import COHORT_COLUMNS, init_site
from common.paper_settings import PAPER_RESAMPLING

POINT, CUTOFF = 0.875, 0.885
"""Among the scores that a random network gives these patients."""
SCANS, EXPRESSION, TREATED = 3, 40, 30
ORIGINAL = RADIOMICS.model_copy(update={"image_types": ("Original",), "feature_classes": ("firstorder",)})
FEATURES = tuple(f"original_firstorder_{name}" for name in ("Mean", "Range", "Skewness"))
SETTINGS = {"resampling": PAPER_RESAMPLING, "patches": PATCHES, "radiomics": ORIGINAL, "network": LINEAR}


def small_signature(folder: Path, **changes: object) -> Path:
    """A signature whose features are quick to compute, with thresholds among the scores of the centre."""
    scaling = {"mean": [-50.0, 500.0, 0.0], "deviation": [60.0, 200.0, 1.0]}
    told = {"radiomic_features": FEATURES, "radiomics_scaling": scaling, "settings": SETTINGS}
    return seal_signature(folder, **{**told, "operating_point": POINT, "cutoff": CUTOFF, **changes})


def make_centre(folder: Path) -> Path:
    """A site's folder; one patient's image is gone, one is excluded by its kernel."""
    init_site(folder, name="Centre")
    files = [write_volume(tumour_volume(seed), folder / "images", f"scan{seed}") for seed in range(SCANS)]
    table = _table(np.random.default_rng(12))
    names = [[str(one.relative_to(folder)) for one in files[place % SCANS]] for place in range(len(table))]
    table["image"], table["mask"] = zip(*names, strict=True)
    table.loc[1, "image"] = "images/gone.nii.gz"
    table.loc[2, "convolution_kernel"] = "30f"
    table[list(COHORT_COLUMNS)].to_csv(folder / "cohort.csv", index=False)
    return folder


def _table(random: np.random.Generator) -> pd.DataFrame:
    size = EXPRESSION + TREATED
    treated = np.arange(size) >= EXPRESSION
    table = pd.DataFrame("", index=range(size), columns=list(COHORT_COLUMNS), dtype=object)
    table["patient_id"] = [f"SECRET-{place:03d}" for place in range(size)]
    table["cohort"] = np.where(treated, "immunotherapy", "expression")
    age = np.round(random.normal(60, 10, size))
    table["age"] = age
    table["sex"] = random.choice(["male", "female"], size)
    table["smoking"] = random.choice(["never", "occasionally", "constantly", ""], size)
    table["family_history"] = random.choice(["no", "yes"], size)
    table["tps"] = np.where(treated, "", np.where(random.random(size) < 1 / (1 + np.exp((age - 60) / 8)), "70", "5"))
    table["split"] = np.where(treated, "", random.choice(["training", "test"], size))
    days = np.ceil(random.exponential(200, size) + 1)
    table["pfs_days"] = np.where(treated, days.astype(int).astype(str), "")
    table["progressed"] = np.where(treated, random.choice(["0", "1"], size, p=[0.3, 0.7]), "")
    table["treatment"] = np.where(treated, random.choice(["monotherapy", "combination"], size), "")
    table["manufacturer"], table["convolution_kernel"], table["slice_thickness_mm"] = "SIEMENS", "60f", "2"
    return table
