"""Training under differential privacy: a patient adds one clipped gradient, and nothing but the noised sum learns."""

from __future__ import annotations

import copy
from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from client.privacy.noise import Noise
from client.privacy.training import Protection, head_inputs, learning_part, private_epochs
from client.samples import Samples
from common.network import FusionNetwork, Parts
from common.study import Network, Stage, Training

KEY = bytes(range(32))
PARTS = Parts(patches=True, radiomics=3, clinical=4)
EVERYBODY = Protection(noise_multiplier=1e-12, clipping_norm=0.05, sample_rate=1.0, steps=1)


class SmallTrunk(nn.Module):
    """Stands for DenseNet121: convolutions and BatchNorm, 1024 wide."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, kernel_size=5, stride=4), nn.BatchNorm2d(32), nn.ReLU(), nn.Conv2d(32, 1024, kernel_size=1)
        )

    def forward(self, patches: Tensor) -> Tensor:
        return torch.relu(self.features(patches.unsqueeze(1).float() / 255)).mean((2, 3))


@pytest.fixture(autouse=True)
def small_trunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common.network.Trunk", SmallTrunk)


def made_up(patients: int) -> Samples:
    generator = torch.Generator().manual_seed(0)
    patches = torch.randint(0, 256, (patients, 3, 32, 32), generator=generator, dtype=torch.uint8)
    values = torch.randn(patients, 7, generator=generator)
    labels = torch.arange(patients) % 2
    return Samples(patches, values[:, :3], values[:, 3:], labels)


def network_with(normalization: Literal["group", "frozen"]) -> FusionNetwork:
    torch.manual_seed(0)
    network = FusionNetwork(
        PARTS, Network(trunk="densenet121", hidden_units=(6,), dropout=0, normalization=normalization)
    )
    for parameter in network.classifier.parameters():
        # the last layer begins at zero, and then nothing before it would learn
        nn.init.normal_(parameter, std=0.3)
    return network


def settings() -> Training:
    return Training(
        stages=(Stage(epochs=1, learning_rate=1.0),),
        batch_size=8,
        slices_per_epoch="one",
        best_by="loss",
        weight_decay=0.0,
        flips_and_rotations=False,
    )


def step(network: FusionNetwork, samples: Samples, protection: Protection, *, head: bool, epochs: int = 1) -> None:
    """Plain descent at a rate of 1, so that weights move by the mean of the noised gradients."""
    optimizer = torch.optim.SGD(learning_part(network, head=head).parameters(), lr=1.0)
    private_epochs(
        network, optimizer, PARTS, samples, settings(), protection, head=head, epochs=epochs, noise=Noise(KEY)
    )


def naive_mean(network: FusionNetwork, samples: Samples, clipping_norm: float) -> dict[str, Tensor]:
    """The mean of the patients' clipped gradients, one patient after the other, over all slices of the head."""
    inputs, total = head_inputs(network, PARTS, samples), {}
    for place in range(len(samples)):
        network.zero_grad()
        logits = network.classifier(inputs[place])
        functional.cross_entropy(logits, samples.labels[place].expand(3)).backward()
        found = {name: one.grad.clone() for name, one in network.classifier.named_parameters() if one.grad is not None}
        length = torch.sqrt(sum(one.square().sum() for one in found.values()))
        for name, one in found.items():
            total[name] = total.get(name, 0) + one * min(1.0, clipping_norm / float(length))
    return {name: one / len(samples) for name, one in total.items()}


def test_the_gradients_of_patients_are_those_of_a_naive_loop() -> None:
    network, samples = network_with("frozen"), made_up(19)
    expected = naive_mean(network, samples, EVERYBODY.clipping_norm)
    before = {name: value.clone() for name, value in network.classifier.named_parameters()}
    step(network, samples, EVERYBODY, head=True)
    for name, value in network.classifier.named_parameters():
        assert torch.allclose(before[name] - value, expected[name], rtol=1e-3, atol=1e-6), name


def test_the_gradients_of_the_whole_network_are_those_of_a_naive_loop() -> None:
    network, samples = network_with("group"), made_up(11)
    same = Samples(samples.patches[:, :1].expand(-1, 3, -1, -1), samples.radiomics, samples.clinical, samples.labels)
    total: dict[str, Tensor] = {}
    for place in range(len(same)):
        one = copy.deepcopy(network)
        logits = one(same.patches[place, :1], same.values(PARTS)[place : place + 1])
        functional.cross_entropy(logits, same.labels[place : place + 1]).backward()
        length = torch.sqrt(sum(p.grad.square().sum() for p in one.parameters()))
        scale = min(1.0, EVERYBODY.clipping_norm / float(length))
        for name, p in one.named_parameters():
            total[name] = total.get(name, 0) + p.grad * scale / len(same)
    before = {name: value.clone() for name, value in network.named_parameters()}
    step(network, same, EVERYBODY, head=False)
    for name, value in network.named_parameters():
        assert torch.allclose(before[name] - value, total[name], rtol=2e-3, atol=1e-6), name


@pytest.mark.parametrize("head", [True, False])
def test_one_patient_moves_the_sum_by_no_more_than_the_clipping_norm(head: bool) -> None:
    """Three slices, one gradient: this is what epsilon speaks of."""
    start, samples = network_with("frozen" if head else "group"), made_up(12)
    with_all, without = copy.deepcopy(start), copy.deepcopy(start)
    step(with_all, samples, EVERYBODY, head=head)
    # the same slices for the others: a generator draws them in the order of the patients, and the last one is left out
    step(without, samples.take(range(11)), EVERYBODY, head=head)
    first, second = (dict(one.named_parameters()) for one in (with_all, without))
    begun = dict(start.named_parameters())
    sums = [(begun[name] - first[name]) * 12 - (begun[name] - second[name]) * 11 for name in begun]
    moved = float(torch.sqrt(sum(one.square().sum() for one in sums)))
    assert 0 < moved <= EVERYBODY.clipping_norm * 1.01


def test_running_statistics_and_a_frozen_trunk_never_move() -> None:
    network, samples = network_with("frozen"), made_up(12)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    protection = Protection(noise_multiplier=1.0, clipping_norm=1.0, sample_rate=0.5, steps=2)
    step(network, samples, protection, head=True, epochs=2)
    moved = {name for name, value in network.state_dict().items() if not torch.equal(before[name], value)}
    assert moved and all(name.startswith("classifier.") for name in moved)
    step(network, samples, protection, head=False, epochs=2)
    buffers = {name for name, _ in network.named_buffers()}
    assert any("running_var" in name for name in buffers)
    assert all(torch.equal(before[name], network.state_dict()[name]) for name in buffers)


def test_the_noise_has_the_deviation_that_the_account_says() -> None:
    network, samples = network_with("group"), made_up(4)
    quiet = copy.deepcopy(network)
    step(quiet, samples, EVERYBODY, head=False)
    step(network, samples, Protection(3.0, EVERYBODY.clipping_norm, 1.0, 1), head=False)
    first, second = (dict(one.named_parameters()) for one in (network, quiet))
    noise = torch.cat([((first[name] - second[name]) * len(samples)).flatten() for name in first]).detach()
    assert float(noise.std()) == pytest.approx(3.0 * EVERYBODY.clipping_norm, rel=0.03)
    assert abs(float(noise.mean())) < 0.01


def test_a_step_without_patients_is_noise_and_no_nan() -> None:
    network, samples = network_with("group"), made_up(6)
    before = torch.cat([one.detach().flatten().clone() for one in network.parameters()])
    step(network, samples, Protection(1.0, 1.0, 1e-12, 2), head=False)
    after = torch.cat([one.detach().flatten() for one in network.parameters()])
    assert torch.isfinite(after).all() and not torch.equal(before, after)


def test_the_network_is_plain_again_afterwards_and_learns_twice_from_one_key_alike() -> None:
    first, second, samples = network_with("group"), network_with("group"), made_up(9)
    protection = Protection(1.0, 1.0, 0.4, 3)
    for network in (first, second):
        step(network, samples, protection, head=False)
        step(network, samples, protection, head=False)
    assert not any(hasattr(one, "grad_sample") for one in first.parameters())
    assert not any("_module" in name for name in first.state_dict())
    states = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    assert all(torch.equal(one, other) for one, other in states)


def test_poisson_batches_hold_each_patient_with_the_probability_of_the_account() -> None:
    drawn = np.array([Noise(bytes([n]) * 32).uniform(400) < 0.3 for n in range(60)])
    assert drawn.mean() == pytest.approx(0.3, abs=0.01)
    assert len({int(one.sum()) for one in drawn}) > 10


def test_weights_that_overflow_for_one_patient_tell_nothing() -> None:
    """A first layer that passes on one patient's value alone, and a last one that makes it infinite."""
    samples = made_up(12)
    clinical = samples.clinical.clone()
    clinical[5, 0] = 9.0
    marked = Samples(samples.patches, samples.radiomics, clinical, samples.labels)
    found = []
    for one in (samples, marked):
        network = network_with("frozen")
        first, last = network.classifier[1], network.classifier[4]
        with torch.no_grad():
            first.weight.zero_()
            first.weight[0, -4], first.bias[0] = 1e20, -4e20
            last.weight.fill_(3e38)
        step(network, one, Protection(1000.0, 1.0, 1.0, 2), head=True)
        found.append(torch.cat([value.flatten() for value in network.classifier.state_dict().values()]))
    assert all(torch.isfinite(one).all() for one in found)
