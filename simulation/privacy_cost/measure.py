"""Trains every model that is not there yet, attacks all of them, and writes what was measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from client.prediction import patient_logits, slice_logits
from common import atomic
from common.device import device_name
from common.discrimination import auc
from common.network import FusionNetwork, build_network
from common.parallel import cores, in_parallel
from common.progress import progress_bar
from common.provenance import versions
from common.seeds import derive_seed
from common.study import Study, study_sha256
from simulation.privacy_cost.attack import Confidences, halves, likelihood_ratio, loss_threshold
from simulation.privacy_cost.cohorts import Cohorts, make_cohorts
from simulation.privacy_cost.models import SCORES, protection, save_inputs, train_model
from simulation.privacy_cost.page import write_privacy_report
from simulation.privacy_cost.settings import CLIPPING_NORM, DELTA, EPSILONS, RECIPES, TEST_PATIENTS, Mode, Trained
from simulation.reproduce import Clock


@dataclass(frozen=True)
class PrivacyRun:
    """What is measured: a folder with study.toml, its study, preset and device."""

    folder: Path
    study: Study
    preset: str
    device: torch.device


def measure(run: PrivacyRun) -> dict[str, Any]:
    """Do every step that is not done yet and write results.json and report.html; returns the results."""
    clock = Clock(run.folder / "seconds.json")
    with clock.step("cohorts and trunk"):
        cohorts = make_cohorts(run.study, run.folder, run.device)
        _save_inputs(run, cohorts)
    members = {mode: _members(run.study, cohorts, mode) for mode in RECIPES}
    with clock.step("models"):
        _train_all(run, members)
    results = {
        "synthetic": True,
        "preset": run.preset,
        "seed": run.study.seed,
        "study_sha256": study_sha256(run.folder / "study.toml"),
        "device": device_name(run.device),
        "versions": versions(),
        "patients": {"training": cohorts.pool // 2, "pool": cohorts.pool, "test": TEST_PATIENTS},
        "delta": DELTA,
        "clipping_norm": CLIPPING_NORM,
        "recipes": {mode: asdict(recipe) for mode, recipe in RECIPES.items()},
        "public_auc": _public_auc(run, cohorts),
        "settings": [_setting(run, cohorts, mode, epsilon, members[mode]) for mode in RECIPES for epsilon in EPSILONS],
        "seconds": clock.seconds,
    }
    atomic.write_json(run.folder / "results.json", results)
    write_privacy_report(results, run.folder / "report.html")
    return results


def _public_auc(run: PrivacyRun, cohorts: Cohorts) -> float:
    """Test AUC of the public cohort's own model, which no private patient touched."""
    network = FusionNetwork(cohorts.parts, run.study.network)
    network.load_state_dict(load_file(cohorts.trunk))
    judged = cohorts.samples.take(range(cohorts.pool, len(cohorts.samples)))
    logits = patient_logits(slice_logits(network.to(run.device), cohorts.parts, judged.to(run.device)))
    return auc(judged.labels.numpy(), logits)


def _save_inputs(run: PrivacyRun, cohorts: Cohorts) -> None:
    frozen = {"normalization": "frozen", "pretrained_file": str(cohorts.trunk)}
    network = build_network(cohorts.parts, run.study.network.model_copy(update=frozen), seed=0)
    save_inputs(cohorts.parts, cohorts.samples, network, run.folder / "inputs")


def _members(study: Study, cohorts: Cohorts, mode: Mode) -> np.ndarray:
    """Of each model (models, all patients); nobody learns from the test patients."""
    drawn = halves(cohorts.pool, RECIPES[mode].models, seed=derive_seed(study.seed, "privacy", "halves", mode))
    tested = np.zeros((len(drawn), len(cohorts.samples) - cohorts.pool), dtype=bool)
    return np.hstack([drawn, tested])


def _train_all(run: PrivacyRun, members: Mapping[Mode, np.ndarray]) -> None:
    everything = [
        Trained(mode, epsilon, number)
        for mode, drawn in members.items()
        for epsilon in EPSILONS
        for number in range(len(drawn))
    ]
    tasks = [
        (one, members[one.mode][one.number], run.folder / "inputs", run.study, _file(run, one), run.device)
        for one in everything
    ]
    jobs = 1 if run.device.type == "cuda" else cores()
    with (
        progress_bar(f"training {len(tasks)} models", len(tasks)) as advance,
        in_parallel(train_model, tasks, jobs=jobs) as futures,
    ):
        for future in as_completed(futures):
            future.result()
            advance(1)


def _file(run: PrivacyRun, one: Trained) -> Path:
    return run.folder / "models" / f"{one.name}{SCORES}"


def _setting(run: PrivacyRun, cohorts: Cohorts, mode: Mode, epsilon: float, member: np.ndarray) -> dict[str, Any]:
    models = [Trained(mode, epsilon, number) for number in range(len(member))]
    logits = np.array([np.frombuffer(_file(run, one).read_bytes()) for one in models])
    labels = cohorts.samples.labels.numpy()
    attacked, judged = slice(0, cohorts.pool), slice(cohorts.pool, None)
    signs = np.where(labels[attacked] == 1, 1.0, -1.0)
    found = Confidences(logits[:, attacked] * signs, member[:, attacked])
    return {
        "mode": mode,
        "epsilon": None if math.isinf(epsilon) else epsilon,
        "noise_multiplier": protection(models[0], patients=cohorts.pool // 2).noise_multiplier,
        "test_auc": _spread([auc(labels[judged], one[judged]) for one in logits]),
        "attacks": {
            "loss threshold": _spread(loss_threshold(found)),
            "likelihood ratio": _spread(likelihood_ratio(found)),
        },
    }


def _spread(values: Sequence[float]) -> dict[str, Any]:
    return {"mean": fmean(values), "standard_deviation": stdev(values), "values": list(values)}
