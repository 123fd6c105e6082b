"""One round at a site: judge the weights that came, train from them, keep the optimiser, give the weights back."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from client.federation.dataset import Dataset, prepared_samples
from client.federation.guards import Guard
from client.federation.private_round import PrivateDesk, train_privately
from client.federation.site_state import SiteState, stays_home
from client.pipeline import division_of
from client.prediction import patient_logits, slice_logits
from client.samples import Samples
from client.training import optimizer_for, train_epoch
from common.discrimination import auc
from common.federated_model import federated_layout, federated_parts, federated_seed
from common.messages import Arrays, Preparation, TrainingRequest
from common.messages.judgements import Validation
from common.network import FusionNetwork, channels_last
from common.seeds import derive_seed
from common.study import Study, Training
from common.weights import Flat, fill, flatten, layout_of


@dataclass(frozen=True)
class Round:
    """What a round gave: None or no arrays where it was not asked for, or withheld."""

    loss: float | None
    validation: Validation | None
    arrays: Flat


def received_network(
    study: Study, preparation: Preparation, arrays: Arrays, state: SiteState, *, weights_round: int
) -> FusionNetwork:
    """The study's network with the weights that came and, with FedBN, the layers that had stayed at home.

    PeerError when the arrays are not this study's.
    """
    network = channels_last(FusionNetwork(federated_parts(preparation), study.network))
    fill(federated_layout(network, study), network, arrays)
    network.load_state_dict(state.home(weights_round), strict=False)
    return network


def whole_network(study: Study, preparation: Preparation, arrays: Arrays) -> FusionNetwork:
    """A network that was trained at one site alone, all of whose weights came; PeerError when they do not fit."""
    network = channels_last(FusionNetwork(federated_parts(preparation), study.network))
    fill(layout_of(network), network, arrays)
    return network


def train_round(
    dataset: Dataset,
    study: Study,
    request: TrainingRequest,
    arrays: Arrays,
    *,
    state: SiteState,
    guard: Guard,
    device: torch.device,
    private: PrivateDesk | None,
) -> Round:
    """Do what a training request asks; what is withheld is noted in the guard.

    With `private` the weights that leave hide every patient, and the loss does not leave. DataError with fewer training
    patients than the site's minimum.
    """
    guard.require(int(dataset.cohort.training.sum()), "training")
    network = received_network(study, request.preparation, arrays, state, weights_round=request.weights_round)
    network = network.to(device)
    samples, patients = prepared_samples(dataset, request.preparation, study), dataset.cohort.patients
    judged = None
    if request.validate_weights:
        validation = division_of(samples, patients, "validation").to(device)
        judged = validation_sums(network, request.preparation, validation, guard)
    if not request.epochs:
        return Round(None, judged, {})
    training = division_of(samples, patients, "training").to(device)
    loss = None
    if private is None:
        loss, adam = _train(network, training, study, request, state)
    else:
        adam = train_privately(private, network, training, site_training(study), request, arrays, state)
    entry = {"stage": request.stage, "adam": adam, "home": stays_home(network, federated_layout(network, study))}
    state.keep(request.round, entry, best_round=request.best_round)
    return Round(loss, judged, flatten(federated_layout(network, study), network.state_dict()))


def _train(
    network: FusionNetwork, samples: Samples, study: Study, request: TrainingRequest, state: SiteState
) -> tuple[float, dict[str, Any]]:
    optimizer = optimizer_for(network, study.training, stage=request.stage)
    if (adam := state.before(request.round, stage=request.stage)) is not None:
        # a copy: Adam goes on in place, and the state before the round must stay for a round that is asked for again
        optimizer.load_state_dict(copy.deepcopy(adam))
    settings = site_training(study)
    parts, penalty, losses = federated_parts(request.preparation), proximal_term(network, study), []
    for epoch in range(request.first_epoch, request.first_epoch + request.epochs):
        seed = derive_seed(federated_seed(study), request.stage, epoch)
        losses.append(train_epoch(network, optimizer, parts, samples, settings, seed=seed, penalty=penalty))
    return float(np.mean(losses)), optimizer.state_dict()


def site_training(study: Study) -> Training:
    """The study's training with the batches of a site."""
    if study.federation is None:
        return study.training
    return study.training.model_copy(update={"batch_size": study.federation.local_batch_size})


def proximal_term(network: FusionNetwork, study: Study) -> Callable[[FusionNetwork], Tensor] | None:
    """FedProx: mu / 2 times the squared distance from the weights the round began with (arXiv:1812.06127)."""
    federation = study.federation
    if federation is None or federation.aggregation != "fedprox" or not federation.proximal_mu:
        return None
    mu, first = federation.proximal_mu, [one.detach().clone() for one in network.parameters()]

    def term(trained: FusionNetwork) -> Tensor:
        distances = [(now - then).square().sum() for now, then in zip(trained.parameters(), first, strict=True)]
        return mu / 2 * torch.stack(distances).sum()

    return term


def validation_sums(
    network: FusionNetwork, preparation: Preparation, samples: Samples, guard: Guard
) -> Validation | None:
    """Loss and concordant pairs on the validation patients, as sums over slices and pairs; None when withheld."""
    if not guard.allows_classes(samples.labels.cpu().numpy(), "validation"):
        return None
    logits, labels = slice_logits(network, federated_parts(preparation), samples), samples.labels.cpu().numpy()
    signs = np.where(labels == 1, 1.0, -1.0)[:, None]
    pairs = int((labels == 1).sum() * (labels == 0).sum())
    return Validation(
        patients=len(labels),
        slices=logits.size,
        loss_sum=float(np.logaddexp(0, -signs * logits).sum()),
        concordant_pairs=auc(labels, patient_logits(logits)) * pairs if pairs else 0.0,
        pairs=pairs,
    )
