"""What each input adds to a patient's log-odds of high PD-L1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from captum.attr import IntegratedGradients
from torch import Tensor, nn
from torch.nn import functional

from client.activation import log_odds, trunk_maps
from common.network import FusionNetwork


@dataclass(frozen=True)
class Contributions:
    """Log-odds of one slice, taken apart: constant, patch and values add up to log_odds."""

    log_odds: float
    constant: float
    """Of a patch without deep features and a patient at the training mean."""
    patch: float
    values: Mapping[str, float]
    """By radiomic feature and clinical variable, against the training mean."""
    exact: bool
    """Whether the classifier has no hidden layer, so that a value is weight difference x standardised value."""


def contributions(network: FusionNetwork, patch: Tensor, values: Tensor, names: tuple[str, ...]) -> Contributions:
    """Take the log-odds of a uint8 patch (1, h, w) and standardised values (1, k), named by `names`, apart.

    The values' shares are integrated gradients from the training mean (doi:10.48550/arXiv.1703.01365), which without a
    hidden layer are the weight difference of the two classes times the standardised value.
    """
    classifier = network.eval().classifier
    deep = functional.relu(trunk_maps(network, patch, values)).mean((2, 3))
    shares = IntegratedGradients(lambda given, fixed: log_odds(classifier, fixed, given)).attribute(
        values, baselines=torch.zeros_like(values), additional_forward_args=deep
    )
    with torch.no_grad():
        constant = log_odds(classifier, torch.zeros_like(deep), torch.zeros_like(values)).item()
        without_values = log_odds(classifier, deep, torch.zeros_like(values)).item()
        whole = log_odds(classifier, deep, values).item()
    return Contributions(
        log_odds=whole,
        constant=constant,
        patch=without_values - constant,
        values=dict(zip(names, shares[0].tolist(), strict=True)),
        exact=sum(isinstance(layer, nn.Linear) for layer in classifier.modules()) == 1,
    )
