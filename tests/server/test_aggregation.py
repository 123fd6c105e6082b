"""How a round's weights become one: each strategy against numpy, and what a server's Adam keeps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from client.federation.training import proximal_term
from common.study import Federation, Study, parse_study
from server.aggregation import ServerOptimizer, aggregate
from simulation.studies import federated_text, preset_text

pytestmark = pytest.mark.usefixtures("server_task")
Arrays = dict[str, np.ndarray]
STUDY = parse_study(federated_text(preset_text("quick"), sites=4))


def federation(**changes: Any) -> Federation:
    assert STUDY.federation is not None
    return STUDY.federation.model_copy(update=changes)


def arrays(seed: int, *, parameters: int = 50, buffers: int = 12) -> Arrays:
    random = np.random.default_rng(seed)
    return {
        "parameters": random.normal(size=parameters).astype(np.float32),
        "buffers": random.uniform(0.01, 3, size=buffers).astype(np.float32),
    }


def round_of(sites: int, *, seed: int = 0) -> tuple[Arrays, dict[str, Arrays], dict[str, int]]:
    names = [f"site-{number}" for number in range(1, sites + 1)]
    updates = {name: arrays(seed + 1 + place) for place, name in enumerate(names)}
    return arrays(seed), updates, {name: 10 * (place + 1) for place, name in enumerate(names)}


@pytest.mark.parametrize("kind", ["fedavg", "fedprox", "fedbn"])
def test_average_weighs_by_patients(kind: str) -> None:
    weights, updates, patients = round_of(3)
    found = aggregate(weights, updates, patients, federation(aggregation=kind), ServerOptimizer())
    for name, values in found.items():
        stacked = np.stack([updates[site][name] for site in sorted(updates)]).astype(np.float64)
        expected = np.average(stacked, axis=0, weights=[patients[site] for site in sorted(updates)])
        np.testing.assert_allclose(values, expected, rtol=1e-6, atol=1e-7)
        assert values.dtype == np.float32


def test_order_of_arrival_does_not_matter() -> None:
    weights, updates, patients = round_of(4)
    backwards = dict(reversed(updates.items()))
    for kind in ("fedavg", "fedadam", "median", "trimmed-mean"):
        first, second = (
            aggregate(weights, one, patients, federation(aggregation=kind), ServerOptimizer())
            for one in (updates, backwards)
        )
        assert all(first[name].tobytes() == second[name].tobytes() for name in first)


@pytest.mark.parametrize("kind", ["fedavg", "fedprox", "fedbn"])
@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=9))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_one_site_keeps_its_weights_bit_for_bit(kind: str, values: list[float]) -> None:
    own = {name: np.array(values, dtype=np.float32) for name in ("parameters", "buffers")}
    weights = {name: np.zeros_like(value) for name, value in own.items()}
    found = aggregate(weights, {"site-1": own}, {"site-1": 7}, federation(aggregation=kind), ServerOptimizer())
    for name, value in own.items():
        assert found[name].tobytes() == value.tobytes()


def adam(weights: Arrays, rounds: list[dict[str, Arrays]], patients: dict[str, int], *, eta: float) -> np.ndarray:
    """Adam at the server from scratch (Reddi 2021, arXiv:2003.00295, Algorithm 2, bias-corrected as Flower does)."""
    beta_1, beta_2, tau = 0.9, 0.99, 1e-3
    x = weights["parameters"].astype(np.float64)
    m, v = np.zeros_like(x), np.zeros_like(x)
    share = np.array([patients[site] for site in sorted(patients)]) / sum(patients.values())
    for number, updates in enumerate(rounds, start=1):
        mean = share @ np.stack([updates[site]["parameters"] for site in sorted(updates)]).astype(np.float64)
        delta = mean - x
        m = beta_1 * m + (1 - beta_1) * delta
        v = beta_2 * v + (1 - beta_2) * delta**2
        step = eta * np.sqrt(1 - beta_2 ** (number + 1)) / (1 - beta_1 ** (number + 1))
        x = x + step * m / (np.sqrt(v) + tau)
    return x


def test_fedadam_is_adam_from_scratch_and_can_be_resumed() -> None:
    weights, _, patients = round_of(3)
    rounds = [round_of(3, seed=10 * number)[1] for number in (1, 2, 3)]
    settled = federation(aggregation="fedadam", server_learning_rate=0.05)
    current, optimizer = weights, ServerOptimizer()
    for number, updates in enumerate(rounds):
        current = aggregate(current, updates, patients, settled, optimizer)
        np.testing.assert_allclose(
            current["parameters"], adam(weights, rounds[: number + 1], patients, eta=0.05), rtol=1e-4, atol=1e-6
        )
        stored = {name: value.copy() for name, value in optimizer.moments.items()}
        assert all(value.dtype == np.float32 for value in stored.values())
        optimizer = ServerOptimizer(optimizer.steps, stored)
    assert optimizer.steps == 3


def test_fedadam_leaves_what_it_was_given_as_it_was() -> None:
    """A round that is asked for again begins with the same moments."""
    weights, updates, patients = round_of(3)
    settled, optimizer = federation(aggregation="fedadam"), ServerOptimizer()
    aggregate(weights, updates, patients, settled, optimizer)
    before = {name: value.copy() for name, value in optimizer.moments.items()}
    twice = [
        aggregate(weights, updates, patients, settled, ServerOptimizer(1, dict(optimizer.moments))) for _ in range(2)
    ]
    assert twice[0]["parameters"].tobytes() == twice[1]["parameters"].tobytes()
    assert all(np.array_equal(optimizer.moments[name], before[name]) for name in before)


@pytest.mark.parametrize("kind", ["fedavg", "fedprox", "fedbn", "fedadam", "median", "trimmed-mean"])
def test_running_variances_stay_variances(kind: str) -> None:
    weights, _, patients = round_of(5)
    settled = federation(aggregation=kind, server_learning_rate=10.0)
    optimizer = ServerOptimizer()
    for number in range(4):
        updates = round_of(5, seed=10 * number)[1]
        weights = aggregate(weights, updates, patients, settled, optimizer)
        lowest, highest = (
            limit([update["buffers"] for update in updates.values()], axis=0) for limit in (np.min, np.max)
        )
        assert (weights["buffers"] >= lowest - 1e-6).all()
        assert (weights["buffers"] <= highest + 1e-6).all()
        assert all(values.dtype == np.float32 for values in weights.values())


def test_median_and_trimmed_mean_do_not_follow_one_site() -> None:
    weights, updates, patients = round_of(5)
    updates["site-3"] = {name: value * 0 + 1e6 for name, value in updates["site-3"].items()}
    stacked = {name: np.stack([updates[site][name] for site in sorted(updates)]) for name in weights}
    median = aggregate(weights, updates, patients, federation(aggregation="median"), ServerOptimizer())
    trimmed = aggregate(
        weights, updates, patients, federation(aggregation="trimmed-mean", trimmed_share=0.2), ServerOptimizer()
    )
    for name in weights:
        np.testing.assert_allclose(median[name], np.median(stacked[name], axis=0), rtol=1e-6)
        np.testing.assert_allclose(trimmed[name], np.sort(stacked[name], axis=0)[1:-1].mean(axis=0), rtol=1e-5)
        assert (np.abs(trimmed[name]) < 100).all()


def prox_study(mu: float, kind: str = "fedprox") -> Study:
    return STUDY.model_copy(update={"federation": federation(aggregation=kind, proximal_mu=mu)})


def test_proximal_term_and_its_gradient() -> None:
    network = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))
    term = proximal_term(network, prox_study(0.7))  # type: ignore[arg-type]
    assert term is not None
    first = [value.detach().clone() for value in network.parameters()]
    assert term(network).item() == 0  # type: ignore[arg-type]
    with torch.no_grad():
        for value in network.parameters():
            value.add_(torch.randn_like(value))
    found = term(network)  # type: ignore[arg-type]
    found.backward()
    moved = [value.detach() - before for value, before in zip(network.parameters(), first, strict=True)]
    assert found.item() == pytest.approx(0.35 * sum(float(part.square().sum()) for part in moved), rel=1e-6)
    for value, part in zip(network.parameters(), moved, strict=True):
        torch.testing.assert_close(value.grad, 0.7 * part)


@pytest.mark.parametrize(("mu", "kind"), [(0.0, "fedprox"), (0.7, "fedavg")])
def test_without_mu_there_is_no_term(mu: float, kind: str) -> None:
    assert proximal_term(nn.Linear(2, 2), prox_study(mu, kind)) is None  # type: ignore[arg-type]
