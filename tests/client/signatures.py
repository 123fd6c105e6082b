"""A small sealed signature of random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from common.network import FusionNetwork, Parts, build_network
from common.paper_settings import PAPER_PATCHES, PAPER_RADIOMICS, PAPER_RESAMPLING
from common.signature import seal
from common.study import Network

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
FEATURES = ("original_firstorder_Mean", "wavelet-HL_glcm_SumEntropy", "wavelet-LL_firstorder_Range")
CLINICAL = ("age", "sex", "smoking", "family_history")
RADIOMICS = PAPER_RADIOMICS.model_copy(
    update={"image_types": ("Original", "Wavelet"), "feature_classes": ("firstorder", "glcm", "glrlm")}
)
PATCHES = PAPER_PATCHES.model_copy(update={"size_pixels": 64})
LINEAR = Network(trunk="densenet121", hidden_units=(), dropout=0.2)
HIDDEN = Network(trunk="densenet121", hidden_units=(8,), dropout=0.2)


def random_network(settings: Network = LINEAR, *, values: int = 7) -> FusionNetwork:
    """A network whose classifier reads everything, ready to be applied."""
    network = build_network(Parts(patches=True, radiomics=values, clinical=0), settings, seed=4)
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for weights in network.classifier.parameters():
            weights.copy_(torch.randn(weights.shape, generator=generator) * 0.2)
    return network.eval()


def seal_signature(folder: Path, **changes: Any) -> Path:
    """Seal a signature of the phantoms' size and say where."""
    description = {
        "synthetic": False,
        "label_tps": 50,
        "radiomic_features": FEATURES,
        "radiomics_scaling": {"mean": [30.0, 3.0, 900.0], "deviation": [10.0, 0.5, 300.0]},
        "clinical_variables": CLINICAL,
        "clinical_scaling": {"mean": [60.0, 0.5, 0.6, 0.2], "deviation": [10.0, 0.5, 0.7, 0.4]},
        "settings": {"resampling": PAPER_RESAMPLING, "patches": PATCHES, "radiomics": RADIOMICS, "network": LINEAR},
        "operating_point": 0.5,
        "cutoff": 0.4,
        "study_sha256": "0" * 64,
        "card": card(),
        **changes,
    }
    network = random_network(description["settings"]["network"])
    seal(folder, description, {name: value.numpy() for name, value in network.state_dict().items()}, key=KEY)
    return folder


def card(**changes: Any) -> dict[str, Any]:
    """The data of a model card."""
    area = {"auc": 0.75, "ci_low": 0.65, "ci_high": 0.85, "n": 96, "n_positive": 40}
    return {
        "study": "made-up",
        "sealed_on": "2026-01-31",
        "seed": 1,
        "code_sha256": "1" * 64,
        "versions": {"torch": "2"},
        "sites": {
            "north": {
                "training": {"patients": 400, "positives": 160},
                "validation": {"patients": 50, "positives": None},
                "test": {"patients": 96, "positives": 40},
                "immunotherapy": {"patients": 60, "positives": None},
            }
        },
        "withheld": {"north": ("positives of validation patients: fewer than 10",)},
        "intended_use": "Research.",
        "out_of_scope": ("Care.",),
        "limits": ("Small.",),
        "differential_privacy": "none",
        "performance": {
            "discrimination": {"test": area},
            "test_by_site": {"north": area},
            "survival": {"hazard_ratio": 2.5, "ci_low": 1.2, "ci_high": 5.0},
        },
        "operating_point": "Chosen by Youden.",
        "cutoff": "Given by the study's file.",
        "clinical_missing": {"age": 0.0, "sex": 0.0, "smoking": 0.1, "family_history": 0.2},
        "acquisition": {"manufacturer": {"SIEMENS": 300, "others": 100}},
        **changes,
    }
