"""Accuracy against epsilon: attacks that work where they should, models under each promise, and the page."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from client.samples import Samples
from common.errors import UsageError
from common.network import Parts, build_network
from simulation.cli import app
from simulation.privacy_cost.attack import Confidences, halves, likelihood_ratio, loss_threshold
from simulation.privacy_cost.models import protection, save_inputs, train_model
from simulation.privacy_cost.page import BEGIN, END, put_into_page, write_privacy_report
from simulation.privacy_cost.settings import EPSILONS, RECIPES, Mode, Recipe, Trained
from simulation.studies import preset_text, synthetic_study

PATIENTS, MODELS = 200, 12


def confidences(difference: float, *, models: int = MODELS, seed: int = 0) -> Confidences:
    """Log-odds by a patient's own hardness, higher by `difference` in models that learned from the patient."""
    random = np.random.default_rng(seed)
    member = halves(PATIENTS, models, seed=seed)
    odds = random.normal(0, 2, PATIENTS) + difference * member + random.normal(0, 0.5, member.shape)
    return Confidences(odds, member)


def test_each_patient_is_in_half_of_the_models() -> None:
    member = halves(PATIENTS, MODELS, seed=1)
    assert (member.sum(axis=0) == MODELS // 2).all() and (member.sum(axis=1) == PATIENTS // 2).all()


@pytest.mark.parametrize("number", [4, 12])
def test_models_that_know_nothing_of_their_patients_give_a_guess(number: int) -> None:
    found = [confidences(0.0, models=number, seed=seed) for seed in range(24)]
    for attack in (loss_threshold, likelihood_ratio):
        assert np.mean([attack(one) for one in found]) == pytest.approx(0.5, abs=0.015)


def test_the_likelihood_ratio_finds_members_that_a_threshold_does_not() -> None:
    """Patients differ more from each other than a model's memory of them does."""
    found = confidences(1.0)
    assert np.mean(loss_threshold(found)) < 0.68
    assert np.mean(likelihood_ratio(found)) > 0.8


def test_an_overfitted_network_gives_its_patients_away(tiny: Any) -> None:
    """Labels by chance, learned by heart: not one of the four promises."""
    found = tiny("full", math.inf, epochs=100, rate=1e-2)
    assert np.mean(loss_threshold(found)) > 0.7


def test_under_a_strict_promise_it_does_not(tiny: Any) -> None:
    found = tiny("full", 1.0, epochs=6, rate=1e-2)
    assert np.mean(loss_threshold(found)) == pytest.approx(0.5, abs=0.12)


@pytest.fixture
def tiny(tmp_path: Path, tiny_trunk: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Trains four models on halves of 40 made-up patients and gives what an attacker sees."""
    generator = torch.Generator().manual_seed(5)
    patches = torch.randint(0, 256, (40, 3, 32, 32), generator=generator, dtype=torch.uint8)
    values = torch.randn(40, 34, generator=generator)
    samples = Samples(patches, values[:, :30], values[:, 30:], torch.randint(0, 2, (40,), generator=generator))
    parts, study = Parts(patches=True, radiomics=30, clinical=4), synthetic_study(preset_text("quick"))
    save_inputs(parts, samples, build_network(parts, study.network, seed=0), tmp_path / "inputs")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    member = halves(40, 4, seed=2)

    def trained(mode: Mode, epsilon: float, *, epochs: int, rate: float) -> Confidences:
        monkeypatch.setitem(RECIPES, mode, Recipe(epochs=epochs, learning_rate=rate, batch_size=10, models=4))
        logits = []
        for number in range(4):
            file = tmp_path / f"{number}.float64"
            one = Trained(mode, epsilon, number)
            train_model(one, member[number], tmp_path / "inputs", study, file, torch.device("cpu"))
            logits.append(np.frombuffer(file.read_bytes()))
        return Confidences(np.array(logits) * np.where(samples.labels.numpy() == 1, 1.0, -1.0), member)

    return trained


@pytest.mark.parametrize("mode", ["head", "full"])
@pytest.mark.parametrize("epsilon", [3.0, math.inf])
def test_a_model_is_trained_once_in_either_mode(tiny: Any, mode: Mode, epsilon: float, tmp_path: Path) -> None:
    found = tiny(mode, epsilon, epochs=1, rate=1e-3)
    assert found.log_odds.shape == (4, 40) and np.isfinite(found.log_odds).all() and found.log_odds.std() > 0
    before = (tmp_path / "0.float64").stat().st_mtime_ns
    tiny(mode, epsilon, epochs=1, rate=1e-3)
    assert (tmp_path / "0.float64").stat().st_mtime_ns == before


def test_a_stricter_promise_has_more_noise_and_none_has_none() -> None:
    noise = [protection(Trained("head", one, 0), patients=200).noise_multiplier for one in EPSILONS]
    assert noise == sorted(noise, reverse=True) and noise[-1] == 0 < noise[-2]


def spread(mean: float) -> dict[str, Any]:
    return {"mean": mean, "standard_deviation": 0.01, "values": [mean - 0.01, mean + 0.01]}


RESULTS: dict[str, Any] = {
    "synthetic": True,
    "preset": "quick",
    "seed": 2021,
    "study_sha256": "a" * 64,
    "device": "cpu",
    "versions": {"torch": "2.15.0"},
    "patients": {"training": 200, "pool": 400, "test": 300},
    "delta": 1e-5,
    "clipping_norm": 1.0,
    "public_auc": 0.65,
    "recipes": {mode: {"epochs": 2, "learning_rate": 1e-3, "batch_size": 8, "models": 2} for mode in ("head", "full")},
    "settings": [
        {
            "mode": mode,
            "epsilon": epsilon,
            "noise_multiplier": 0.0 if epsilon is None else 2.0,
            "test_auc": spread(0.7),
            "attacks": {"loss threshold": spread(0.5), "likelihood ratio": spread(0.6)},
        }
        for mode in ("head", "full")
        for epsilon in (1.0, 3.0, 8.0, None)
    ],
}


def test_the_report_shows_both_modes_and_calls_the_cohort_synthetic(tmp_path: Path) -> None:
    write_privacy_report(RESULTS, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "SYNTHETIC" in page.upper() and "whole network" in page and "0.600 ± 0.010" in page and "<svg" in page


def test_the_measured_part_of_a_page_is_written_anew_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "privacy.md"
    page.write_text(f"before\n{BEGIN}\nstale\n{END}\nafter\n")
    put_into_page(RESULTS, page)
    once = page.read_text()
    put_into_page(RESULTS, page)
    assert page.read_text() == once
    assert once.startswith("before\n") and once.endswith("\nafter\n") and "stale" not in once
    assert "| whole network | none | none | 2 | 0.700 ± 0.010 | 0.500 ± 0.010 | 0.600 ± 0.010 |" in once
    assert (tmp_path / "pictures" / "privacy.svg").read_text().startswith("<svg xmlns=")


def test_a_page_without_the_marks_is_refused(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("nothing")
    with pytest.raises(UsageError, match="has not one line"):
        put_into_page(RESULTS, tmp_path / "page.md")


def test_the_command_writes_what_it_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulation.privacy_cost.measure.measure", lambda _: RESULTS)
    done = CliRunner().invoke(app, ["privacy", "--preset", "quick", "--out", str(tmp_path / "run")])
    assert done.exit_code == 0 and "0.700" in done.stdout
