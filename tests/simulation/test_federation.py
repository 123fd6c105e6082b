"""A federation of one is the training of one, and of several it pools what each site tells."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import load_file
from small_federation import SmallFederation, federation, made_up_dataset

from client.checkpoint import Checkpoint
from client.clinical import encode
from client.federation.answer import open_desk
from client.federation.dataset import Dataset, prepared_samples
from client.federation.training import received_network
from client.pipeline import division_of
from client.selection import mann_whitney
from client.site import load_site
from client.training import Epoch, Weights, train
from common.federated_model import federated_network, federated_parts, federated_seed
from common.messages import Preparation
from common.scaling import fit_scaling
from common.signature import open_signature
from common.study import Study
from server.run_state import RunState

UP_AND_DOWN = "[{ epochs = 4, learning_rate = 1e-1 }, { epochs = 3, learning_rate = 1e-3 }]"
"""Steps so long that validation goes up and down, and the best epoch of a stage is not its last."""


def saved(small: SmallFederation) -> RunState:
    content = json.loads((small.server / "state" / "state.json").read_text())
    return RunState.open(
        small.server / "state", study_sha256=content["study_sha256"], code_sha256=content["code_sha256"]
    )


def alone(small: SmallFederation, state: RunState, dataset: Dataset, file: Path) -> tuple[Weights, list[Epoch]]:
    """The training of a single site on the same samples, by the code of `pdl1es-sim reproduce`."""
    study, preparation = small.study, Preparation.model_validate_json(state.facts["preparation"])
    assert study.federation is not None
    samples, patients = prepared_samples(dataset, preparation, study), dataset.cohort.patients
    settings = study.training.model_copy(update={"batch_size": study.federation.local_batch_size})
    return train(
        federated_network(study, preparation),
        federated_parts(preparation),
        division_of(samples, patients, "training"),
        division_of(samples, patients, "validation"),
        settings,
        seed=federated_seed(study),
        checkpoint=Checkpoint(file),
        after_epoch=lambda _: None,
    )


def check_federation_of_one(folder: Path, **changes: str) -> list[Epoch]:
    small = federation(folder / "one", 1, **changes)
    small.start()
    state = saved(small)
    weights, history = alone(small, state, made_up_dataset(1), folder / "alone.pt")
    sealed = open_signature(small.server / "signature").network
    for name, value in sealed.state_dict().items():
        if value.is_floating_point():
            assert torch.equal(value, weights[name]), name
    rounds = state.facts["training"]["history"]
    assert [line["loss"] for line in rounds] == [epoch.loss for epoch in history]
    assert [line["validation_loss"] for line in rounds] == [epoch.validation_loss for epoch in history]
    assert [line["best"] for line in rounds] == [epoch.best for epoch in history]
    return history


@pytest.mark.parametrize("best_by", ["loss", "auc"])
def test_one_site_gives_the_weights_of_training_alone(tmp_path: Path, tiny_trunk: None, best_by: str) -> None:
    history = check_federation_of_one(tmp_path, stages=UP_AND_DOWN, best_by=f'"{best_by}"')
    first = [epoch.best for epoch in history if epoch.stage == 0]
    assert not first[-1], "the second stage must start from an earlier epoch for this test to show anything"


def test_one_site_gives_the_weights_of_training_alone_with_densenet(
    tmp_path: Path, one_thread: None, no_pages: None
) -> None:
    check_federation_of_one(tmp_path, cross_site="false")


def test_sites_own_model_of_the_comparison_is_training_alone(tmp_path: Path, tiny_trunk: None) -> None:
    small = federation(tmp_path, 2)
    small.start()
    facts = saved(small).facts["alone"]
    for number in (1, 2):
        cohort = made_up_dataset(number).cohort
        p_values = mann_whitney(cohort.features[cohort.training], cohort.training_labels())
        assert Preparation.model_validate_json(facts[f"site-{number}"]).radiomic_features == tuple(
            name for name in p_values.index if p_values[name] < 0.5
        )


def test_statistics_are_those_of_all_patients_in_one_place(tmp_path: Path, tiny_trunk: None) -> None:
    small = federation(tmp_path, 3)
    small.start()
    facts = saved(small).facts["statistics"]
    cohorts = [made_up_dataset(number).cohort for number in (1, 2, 3)]
    for part, tables in (
        ("radiomics", [cohort.features[cohort.training] for cohort in cohorts]),
        ("clinical", [encode(cohort.patients)[cohort.training] for cohort in cohorts]),
    ):
        pooled = fit_scaling(pd.concat(tables).to_numpy(dtype=float))
        np.testing.assert_allclose(facts[part]["mean"], pooled.mean, rtol=1e-9)
        np.testing.assert_allclose(facts[part]["deviation"], pooled.deviation, rtol=1e-9)


def test_selection_of_one_site_is_mann_whitney(tmp_path: Path, tiny_trunk: None) -> None:
    small = federation(tmp_path, 1)
    small.start()
    cohort = made_up_dataset(1).cohort
    p_values = mann_whitney(cohort.features[cohort.training], cohort.training_labels())
    told = {one["name"]: one["p_value"] for one in saved(small).facts["selection"]["features"]}
    assert told == {name: p for name, p in p_values.items() if p < 0.5}


def weights_of(study: Study, small: SmallFederation, state: RunState, site: str) -> dict[str, torch.Tensor]:
    """The network that a site would judge the test patients with."""
    desk = open_desk(load_site(small.folders[site]))
    preparation = Preparation.model_validate_json(state.facts["preparation"])
    best = state.facts["training"]["best_round"]
    network = received_network(
        study, preparation, state.arrays["best"], desk.state(state.facts["run"]), weights_round=best
    )
    return network.state_dict()


def test_fedbn_keeps_batch_norm_at_the_sites_and_seals_nothing(tmp_path: Path, tiny_trunk: None) -> None:
    small = federation(tmp_path, 2, aggregation='"fedbn"')
    results = small.start()
    assert "not_computed" in results["signature"]
    assert not (small.server / "signature").exists()
    state = saved(small)
    first, second = (weights_of(small.study, small, state, site) for site in ("site-1", "site-2"))
    for name, value in first.items():
        stays = name.startswith("trunk.features.1.") and value.is_floating_point()
        assert torch.equal(value, second[name]) is not stays, name


@pytest.mark.parametrize(
    "changes",
    [
        {"aggregation": '"fedprox"', "proximal_mu": "0.1"},
        {"aggregation": '"fedadam"'},
        {"aggregation": '"median"'},
        {"aggregation": '"trimmed-mean"', "trimmed_share": "0.4", "quorum": "3"},
        {"aggregation": '"fedavg"', "correlation": "0.5", "maximum_features": "5"},
        {"local_epochs": "3", "slices_per_epoch": '"all"'},
    ],
    ids=lambda changes: next(iter(changes.values())).strip('"') if isinstance(changes, dict) else None,
)
def test_every_aggregation_gives_a_signature(tmp_path: Path, tiny_trunk: None, changes: dict[str, str]) -> None:
    small = federation(tmp_path, 3, **{"cross_site": "false", **changes})
    results = small.start()
    description = open_signature(small.server / "signature").description
    assert description.weights_sha256 == results["signature"]["weights_sha256"]
    assert "auc" in results["evaluation"]["federated"]["pooled"]
    assert all(site["took_part"] for site in results["sites"].values())


@pytest.mark.parametrize("update_format", ["float16", "int8"])
def test_updates_in_fewer_bits_train_nearly_the_same_weights(
    tmp_path: Path, tiny_trunk: None, update_format: str
) -> None:
    changes = {"cross_site": "false", "stages": "[{ epochs = 1, learning_rate = 1e-3 }]"}
    whole = federation(tmp_path / "whole", 2, **changes)
    packed = federation(tmp_path / "packed", 2, update_format=f'"{update_format}"', **changes)
    results = [small.start() for small in (whole, packed)]
    received = [[line["bytes_received"] for line in one["rounds"] if line["kind"] == "training"] for one in results]
    share = {"float16": 0.6, "int8": 0.4}[update_format]
    assert received[1][0] < share * received[0][0]
    weights = [load_file(small.server / "signature" / "model.safetensors") for small in (whole, packed)]
    for name, values in weights[0].items():
        # a step of Adam is as long as its rate, and what is lost of it a share
        np.testing.assert_allclose(weights[1][name], values, atol=2e-5, rtol=1e-2)
