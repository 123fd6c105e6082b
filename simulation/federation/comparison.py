"""Local-only, federated and pooled training on the same test patients: only a simulation can see them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from client.federation.answer import Desk, open_desk
from client.federation.evaluation import division_scores
from client.federation.training import received_network, whole_network
from client.models import TrainedModel
from client.pipeline import Prepared
from client.prediction import patient_logits, slice_logits
from client.site import load_site
from common.code_hash import code_sha256
from common.discrimination import auc_interval, paired_delong
from common.messages import Preparation
from common.network import FusionNetwork
from common.study import Study
from server.run_state import RunState


def compare(
    study: Study,
    folders: Mapping[str, Path],
    pooled: tuple[Prepared, TrainedModel],
    server: Path,
    *,
    device: torch.device,
) -> dict[str, Any]:
    """AUC of every model on the test patients of all sites; the federated against the pooled one, paired.

    Also how far the server's AUC, which comes from summaries, lies from the one that all scores give.
    """
    desks = [open_desk(load_site(folder)) for folder in folders.values()]
    state = RunState.open(server / "state", study_sha256=desks[0].sha256, code_sha256=code_sha256())
    federated, together = _federated(study, desks, state, device), _pooled(study, pooled, device)
    alone = {site: _alone(study, desks, state, site, device) for site in state.facts.get("alone", {})}
    labels, told = federated["label"], state.facts["evaluation"]["federated"]["pooled"]
    true = _area(federated)
    return {
        "local": {site: {"test": _area(scores)} for site, scores in alone.items()},
        "federated": {"test": true},
        "pooled": {"test": _area(together)},
        "federated_minus_pooled": asdict(
            paired_delong(labels, federated["logit"], together["logit"].reindex(labels.index))
        ),
        "summary": {"auc": told.get("auc"), "error": told["auc"] - true["auc"] if "auc" in told else None},
    }


def _area(scores: pd.DataFrame) -> dict[str, Any]:
    return asdict(auc_interval(scores["label"], scores["logit"]))


def _federated(study: Study, desks: list[Desk], state: RunState, device: torch.device) -> pd.DataFrame:
    preparation = Preparation.model_validate_json(state.facts["preparation"])
    best = state.facts["training"]["best_round"]

    def network(desk: Desk) -> FusionNetwork:
        return received_network(
            study, preparation, state.arrays["best"], desk.state(state.facts["run"]), weights_round=best
        )

    return _scores(study, desks, preparation, network, device)


def _alone(study: Study, desks: list[Desk], state: RunState, site: str, device: torch.device) -> pd.DataFrame:
    preparation = Preparation.model_validate_json(state.facts["alone"][site])
    network = whole_network(study, preparation, state.arrays[f"alone-{site}"])
    return _scores(study, desks, preparation, lambda _: network, device)


def _scores(
    study: Study,
    desks: list[Desk],
    preparation: Preparation,
    network: Callable[[Desk], FusionNetwork],
    device: torch.device,
) -> pd.DataFrame:
    """Label and log-odds of the test patients of all sites, by patient_id."""
    tables = []
    for desk in desks:
        found = division_scores(desk.dataset, study, preparation, network(desk).to(device), device)
        label, logit = found["test"]
        tables.append(pd.DataFrame({"label": label, "logit": logit}, index=desk.dataset.patients("test").index))
    return pd.concat(tables)


def _pooled(study: Study, pooled: tuple[Prepared, TrainedModel], device: torch.device) -> pd.DataFrame:
    prepared, model = pooled
    samples = prepared.division("test")
    logits = patient_logits(slice_logits(model.network(study, device), model.parts, samples.to(device)))
    rows = prepared.patients[prepared.patients["division"] == "test"]
    return pd.DataFrame({"label": samples.labels.numpy(), "logit": logits}, index=rows.index)
