"""The sealed signature opens as it was sealed, or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from common.errors import SignatureError
from common.network import Parts, build_network
from common.signature import open_signature, seal
from common.study import Network, parse_study
from simulation.studies import preset_text

STUDY = parse_study(preset_text("paper"))
FEATURES = ("original_firstorder_Mean", "wavelet-HL_glcm_SumEntropy")


def description(**changes: Any) -> dict[str, Any]:
    return {
        "synthetic": True,
        "label_tps": 50,
        "radiomic_features": FEATURES,
        "radiomics_scaling": {"mean": [0.0, 1.0], "deviation": [1.0, 2.0]},
        "clinical_variables": ("age", "sex", "smoking", "family_history"),
        "clinical_scaling": {"mean": [60.0, 0.5, 0.6, 0.2], "deviation": [10.0, 0.5, 0.7, 0.4]},
        "settings": {
            "resampling": STUDY.resampling,
            "patches": STUDY.patches,
            "radiomics": STUDY.radiomics,
            "network": STUDY.network,
        },
        "operating_point": 0.35,
        "cutoff": 0.4,
        "study_sha256": "0" * 64,
        "provenance": {"torch": "2"},
        **changes,
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    network = build_network(Parts(patches=True, radiomics=2, clinical=4), STUDY.network, seed=1)
    seal(tmp_path, description(), {name: value.numpy() for name, value in network.state_dict().items()})
    return tmp_path


def test_opens_with_the_same_weights(folder: Path) -> None:
    opened, network = open_signature(folder)
    expected = build_network(Parts(patches=True, radiomics=2, clinical=4), STUDY.network, seed=1).state_dict()
    assert opened.radiomic_features == FEATURES
    assert opened.settings.radiomics == STUDY.radiomics
    assert all(torch.equal(value, expected[name]) for name, value in network.state_dict().items())


def test_one_changed_byte_of_the_weights_is_refused(folder: Path) -> None:
    data = bytearray((folder / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (folder / "model.safetensors").write_bytes(data)
    with pytest.raises(SignatureError, match="not the file that was sealed"):
        open_signature(folder)


def test_changed_description_is_refused(folder: Path) -> None:
    text = (folder / "signature.json").read_text()
    (folder / "signature.json").write_text(text.replace('"cutoff": 0.4', '"cutoff": 0.5'))
    with pytest.raises(SignatureError, match="altered after sealing"):
        open_signature(folder)


def test_other_architecture_is_refused(tmp_path: Path) -> None:
    network = build_network(
        Parts(patches=False, radiomics=2, clinical=4), Network(trunk="densenet121", hidden_units=(), dropout=0), seed=1
    )
    seal(tmp_path, description(), {name: value.numpy() for name, value in network.state_dict().items()})
    with pytest.raises(SignatureError, match="another architecture"):
        open_signature(tmp_path)


def test_no_patient_is_in_the_description(folder: Path) -> None:
    content = json.loads((folder / "signature.json").read_text())
    assert set(content) == {*description(), "format", "weights_sha256", "seal_sha256"}


def test_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SignatureError, match=r"signature\.json"):
        open_signature(tmp_path)
