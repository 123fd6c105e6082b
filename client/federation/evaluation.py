"""A model judged on a site's own patients, and a model trained on them alone."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import torch

from client.checkpoint import Checkpoint
from client.clinical import encode
from client.federation.dataset import ALONE_FILE, Dataset, federation_cache, prepared_samples
from client.federation.guards import Guard
from client.federation.site_state import SiteState
from client.federation.training import received_network, site_training, whole_network
from client.pipeline import division_of
from client.prediction import patient_logits, slice_logits
from client.selection import mann_whitney
from client.site import Site
from client.training import train
from common.discrimination import auc_interval
from common.errors import DataError
from common.federated_model import federated_network, federated_parts, federated_seed
from common.messages import AloneReply, AloneRequest, Arrays, EvaluationReply, EvaluationRequest, Preparation
from common.messages.judgements import Scores, SiteAuc
from common.messages.shared import ColumnScaling
from common.network import FusionNetwork
from common.pooling import moments, score_summary
from common.scaling import fit_scaling
from common.selection import select_features
from common.study import Study
from common.weights import Flat, flatten, layout_of


def judge(
    dataset: Dataset,
    study: Study,
    request: EvaluationRequest,
    arrays: Arrays,
    *,
    site: str,
    state: SiteState,
    guard: Guard,
    device: torch.device,
) -> EvaluationReply:
    """AUC and guarded summaries of the scores on the test and validation patients."""
    if request.model == "federated":
        network = received_network(study, request.preparation, arrays, state, weights_round=request.weights_round)
    else:
        network = whole_network(study, request.preparation, arrays)
    scored = division_scores(dataset, study, request.preparation, network.to(device), device)
    return EvaluationReply(
        study_sha256=request.study_sha256,
        site=site,
        test=_auc(*scored["test"], guard),
        test_scores=_scores(*scored["test"], guard, "test"),
        validation_scores=_scores(*scored["validation"], guard, "validation"),
        withheld=guard.notes(),
    )


def division_scores(
    dataset: Dataset, study: Study, preparation: Preparation, network: FusionNetwork, device: torch.device
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Labels and log-odds of the patients of each division but the training one."""
    found = division_slices(dataset, study, preparation, network, device)
    return {name: (labels, patient_logits(logits)) for name, (labels, logits) in found.items()}


def division_slices(
    dataset: Dataset, study: Study, preparation: Preparation, network: FusionNetwork, device: torch.device
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Labels, and log-odds of each slice (patients, slices), of each division but the training one."""
    samples, patients = prepared_samples(dataset, preparation, study), dataset.cohort.patients
    found = {}
    for name in ("validation", "test", "immunotherapy"):
        part = division_of(samples, patients, name)
        found[name] = (part.labels.numpy(), slice_logits(network, federated_parts(preparation), part.to(device)))
    return found


def _auc(labels: np.ndarray, logits: np.ndarray, guard: Guard) -> SiteAuc | None:
    if not guard.allows_classes(labels, "AUC on test patients"):
        return None
    try:
        return SiteAuc(**asdict(auc_interval(labels, logits)))
    except DataError:
        guard.forbids("AUC on test patients", "cannot be computed on these patients")
        return None


def _scores(labels: np.ndarray, logits: np.ndarray, guard: Guard, division: str) -> Scores | None:
    if not guard.allows_classes(labels, f"scores of {division} patients"):
        return None
    return Scores.of(score_summary(labels, logits, minimum_count=guard.minimum_count))


def train_alone(
    dataset: Dataset, study: Study, request: AloneRequest, *, site: Site, guard: Guard, device: torch.device
) -> tuple[AloneReply, Flat]:
    """All stages on this site's patients alone, with its own selection and scaling; goes on where it was stopped."""
    patients = dataset.cohort.patients
    preparation = own_preparation(dataset, study, guard)
    network = federated_network(study, preparation).to(device)
    samples = prepared_samples(dataset, preparation, study).to(device)
    best, _ = train(
        network,
        federated_parts(preparation),
        division_of(samples, patients, "training"),
        division_of(samples, patients, "validation"),
        site_training(study),
        seed=federated_seed(study),
        checkpoint=Checkpoint(federation_cache(site, request.study_sha256) / ALONE_FILE),
        after_epoch=lambda _: None,
    )
    reply = AloneReply(
        study_sha256=request.study_sha256, site=site.name, preparation=preparation, withheld=guard.notes()
    )
    return reply, flatten(layout_of(network), best)


def own_preparation(dataset: Dataset, study: Study, guard: Guard) -> Preparation:
    """What this site's training patients would decide by themselves, without features that too few of them have.

    DataError with fewer training patients than the site's minimum.
    """
    cohort, training = dataset.cohort, dataset.cohort.training
    guard.require(int(training.sum()), "training")
    features = cohort.features[training]
    features = features.loc[:, features.notna().sum() >= guard.minimum_count]
    selected = select_features(mann_whitney(features, cohort.training_labels()), study.selection)
    radiomics = fit_scaling(features[selected].to_numpy(dtype=float))
    clinical = moments(encode(cohort.patients)[training].to_numpy(dtype=float))
    return Preparation(
        radiomic_features=tuple(selected),
        radiomics=ColumnScaling.of(radiomics),
        clinical=ColumnScaling.of(clinical.guarded(minimum_count=guard.minimum_count).scaling()),
    )
