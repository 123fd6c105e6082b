"""What a network says of patients: slice by slice, then the mean of a patient's slices."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from client.samples import Samples
from common.device import has_bfloat16
from common.network import FusionNetwork, Parts

BATCH = 64


def slice_logits(network: FusionNetwork, parts: Parts, samples: Samples) -> np.ndarray:
    """Log-odds of high PD-L1 for each slice, float64 (patients, slices)."""
    network.eval()
    slices = samples.slices(parts)
    rows = torch.arange(len(samples), device=samples.labels.device).repeat_interleave(slices)
    values = samples.values(parts)
    patches = samples.patches.flatten(0, 1) if parts.patches else None
    parts_of_result: list[Tensor] = []
    with torch.inference_mode(), mixed_precision(samples.labels.device):
        for batch in torch.split(torch.arange(len(rows), device=rows.device), BATCH):
            logits = network(None if patches is None else patches[batch], values[rows[batch]]).double()
            parts_of_result.append(logits[:, 1] - logits[:, 0])
    joined = torch.cat(parts_of_result) if parts_of_result else torch.zeros(0)
    return joined.reshape(len(samples), slices).cpu().numpy()


def patient_logits(logits: np.ndarray) -> np.ndarray:
    """Log-odds of a patient's score, the mean probability over slices, from (patients, slices).

    Computed without forming the probability, so that confident patients keep their rank.
    """
    high = np.logaddexp.reduce(-np.logaddexp(0, -logits), axis=1)
    low = np.logaddexp.reduce(-np.logaddexp(0, logits), axis=1)
    return np.asarray(high - low)


def patient_scores(logits: np.ndarray) -> np.ndarray:
    """PD-L1ES of each patient, 0 to 1: the mean probability over slices, from (patients, slices)."""
    return np.asarray((1 / (1 + np.exp(-logits))).mean(axis=1))


def mixed_precision(device: torch.device) -> torch.autocast:
    """bf16 on CUDA and on processors that compute it themselves; full precision elsewhere, where it is emulated."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=has_bfloat16(device))
