"""A site answers what the agreed study asks, and nothing more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_federation import FEATURES, SmallFederation, made_up_dataset, small_text

from client.federation.answer import Desk, answer, open_desk
from client.federation.dataset import Dataset
from client.site import load_site
from common.errors import PeerError
from common.federated_model import federated_layout, federated_network
from common.messages import (
    AloneRequest,
    ColumnScaling,
    CorrelationRequest,
    EvaluationRequest,
    Preparation,
    StatisticsRequest,
    SurvivalRequest,
    TrainingRequest,
)
from common.weights import Flat, flatten

pytestmark = pytest.mark.usefixtures("tiny_trunk")
SHA, RUN = "a" * 64, "0" * 32
SCALING = ColumnScaling(mean=(100.0,) * 12, deviation=(10.0,) * 12)
CLINICAL = ColumnScaling(mean=(60.0, 0.5, 1.0, 0.5), deviation=(8.0, 0.5, 0.8, 0.5))
PREPARATION = Preparation(radiomic_features=FEATURES, radiomics=SCALING, clinical=CLINICAL)


def fewer(dataset: Dataset, **sizes: int) -> Dataset:
    """At most so many patients of a division."""
    place = dataset.cohort.patients.groupby("division").cumcount()
    most = dataset.cohort.patients["division"].map(lambda name: sizes.get(name, 1000))
    return chosen(dataset, (place < most).to_numpy())


def chosen(dataset: Dataset, rows: np.ndarray) -> Dataset:
    cohort = dataset.cohort
    return replace(
        dataset,
        cohort=replace(
            cohort, patients=cohort.patients[rows], features=cohort.features[rows], patches=cohort.patches[rows]
        ),
    )


def desk(folder: Path, dataset: Dataset, **changes: str) -> Desk:
    small = SmallFederation(folder, small_text(1, **changes), {"site-1": dataset})
    return open_desk(load_site(small.folders["site-1"]))


def training(desk: Desk, **changes: Any) -> TrainingRequest:
    known = {"weights_round": -1, "best_round": -1, "stage": 0, "round": 0, "first_epoch": 0, "epochs": 1}
    told = {"study_sha256": desk.sha256, "run": RUN, "preparation": PREPARATION, "validate_weights": True}
    return TrainingRequest(**{**told, **known, **changes})


def weights(desk: Desk) -> Flat:
    network = federated_network(desk.study, PREPARATION)
    return flatten(federated_layout(network, desk.study), network.state_dict())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"stage": 2}, "stage 3 of 2"),
        ({"epochs": 2}, "2 epochs"),
        ({"first_epoch": 2}, "1 epochs after epoch 2 of 2"),
        ({"epochs": 10_000_000}, "10000000 epochs"),
    ],
)
def test_a_round_that_the_study_does_not_have_is_not_trained(
    tmp_path: Path, changes: dict[str, int], reason: str
) -> None:
    small = desk(tmp_path, made_up_dataset(1))
    with pytest.raises(PeerError, match=reason):
        answer(small, training(small, **changes), weights(small))


def test_questions_that_the_study_does_not_ask_are_not_answered(tmp_path: Path) -> None:
    small = desk(tmp_path, made_up_dataset(1), cross_site="false")
    known: dict[str, Any] = {"study_sha256": small.sha256}
    model = {**known, "run": RUN, "preparation": PREPARATION, "weights_round": -1}
    two = ColumnScaling(mean=(0.0, 0.0), deviation=(1.0, 1.0))
    for request, reason in (
        (AloneRequest(**known), "for a model of this site alone"),
        (CorrelationRequest(**known, radiomic_features=FEATURES[:2], radiomics=two), "for correlations"),
        (EvaluationRequest(**model, model="site-1"), "about a model of the name 'site-1'"),
        (SurvivalRequest(**model, cutoff=0.4), "for the cut-off 0.4"),
        (SurvivalRequest(**model, cutoff=None), "for the cut-off None"),
    ):
        with pytest.raises(PeerError, match=reason):
            answer(small, request, weights(small))


def test_a_server_of_another_study_gets_nothing(tmp_path: Path) -> None:
    small = desk(tmp_path, made_up_dataset(1))
    with pytest.raises(PeerError, match="this site agreed to"):
        answer(small, StatisticsRequest(study_sha256=SHA), {})
