"""The paper's Figure 5 for a run: a patient of high and one of low PD-L1ES under immunotherapy."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import torch

from client.explanation_picture import explain_patients
from client.scoring import score_patients
from client.site import load_site
from common import atomic

FILE = "pictures/high_and_low.png"


def write_pictures(folder: Path, predictions: pd.DataFrame, device: torch.device) -> list[dict[str, str]]:
    """Explain the immunotherapy patients of highest and of lowest score; what results.json says of the picture.

    `folder` is a run's, with site/ and signature/. Nothing is made of fewer than two such patients.
    """
    scores = predictions.loc[predictions["division"] == "immunotherapy", "pdl1es_score"]
    if len(scores) < 2:
        return []
    high, low = str(scores.idxmax()), str(scores.idxmin())
    site = load_site(folder / "site")
    scored = score_patients(site, folder / "signature", patients=[high, low], jobs=1, device=device)
    atomic.write_bytes(folder / FILE, explain_patients(site, scored, high=high, low=low))
    caption = (
        f"Of {len(scores)} patients under immunotherapy those with the highest PD-L1ES ({scores[high]:.2f}) and with "
        f"the lowest ({scores[low]:.2f}): the CT with the tumour's outline, what each field of the patch adds to the "
        "log-odds, and the two radiomic features that the paper shows."
    )
    return [{"title": "The highest and the lowest PD-L1ES", "caption": caption, "file": FILE}]
