"""The same training on a CUDA device, in bf16."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from test_training import FUSION, NETWORK, SETTINGS, samples

from client.checkpoint import Checkpoint
from client.prediction import slice_logits
from client.training import train
from common.network import build_network

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device"),
]


def test_training_and_scores_stay_near_those_of_the_cpu(tmp_path: Path) -> None:
    logits = {}
    for name in ("cpu", "cuda"):
        device = torch.device(name)
        network = build_network(FUSION, NETWORK, seed=3).to(device)
        data = samples(16, seed=1).to(device), samples(8, seed=2).to(device)
        checkpoint = Checkpoint(tmp_path / f"{name}.pt")
        weights, history = train(
            network, FUSION, *data, SETTINGS, seed=3, checkpoint=checkpoint, after_epoch=lambda _: None
        )
        assert len(history) == 4
        network.load_state_dict(weights)
        logits[name] = slice_logits(network, FUSION, data[1])
    np.testing.assert_allclose(logits["cuda"], logits["cpu"], atol=0.5)
