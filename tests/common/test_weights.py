"""A network's weights on the wire: every bit of them, and only what travels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import nn

from common.errors import PeerError
from common.network import FusionNetwork, Parts, build_network, channels_last
from common.study import Network
from common.weights import fill, flatten, layout_of

SETTINGS = Network(trunk="densenet121", hidden_units=(8,), dropout=0.1)
PARTS = Parts(patches=True, radiomics=5, clinical=4)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """On a busy machine the threads of many tiny tensors wait for each other for seconds."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def network() -> FusionNetwork:
    """The real network, trained for a moment, so that no tensor is what it was at first."""
    made = build_network(PARTS, SETTINGS, seed=3)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for value in made.state_dict().values():
            if value.is_floating_point():
                value.copy_(torch.rand(value.shape, generator=generator) + 1e-3)
            else:
                value.fill_(2**24 + 1)
    return made


def batch_norm_names(network: nn.Module) -> set[str]:
    return {
        f"{path}.{name}"
        for path, module in network.named_modules()
        if isinstance(module, nn.BatchNorm2d)
        for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    }


def test_every_bit_comes_back(network: FusionNetwork) -> None:
    layout = layout_of(network)
    flat = flatten(layout, network.state_dict())
    assert any(
        value.is_contiguous(memory_format=torch.channels_last) and not value.is_contiguous()
        for value in network.state_dict().values()
        if value.ndim == 4
    ), "the network must be in channels_last for this test to show anything"
    for name, values in flat.items():
        assert values.dtype == np.float32
        assert values.ndim == 1
        assert values.size == layout.size(name)
    other = channels_last(FusionNetwork(PARTS, SETTINGS))
    fill(layout, other, flat)
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            assert torch.equal(other.state_dict()[name], value), name
    again = flatten(layout, other.state_dict())
    assert all(again[name].tobytes() == flat[name].tobytes() for name in flat)


def test_memory_format_does_not_change_what_travels(network: FusionNetwork) -> None:
    layout = layout_of(network)
    plain = {name: value.contiguous() for name, value in network.state_dict().items()}
    flat, same = flatten(layout, network.state_dict()), flatten(layout, plain)
    assert all(flat[name].tobytes() == same[name].tobytes() for name in flat)


def test_filling_copies(network: FusionNetwork) -> None:
    """Training a filled network leaves the arrays that it was filled from as they are."""
    layout = layout_of(network)
    flat = flatten(layout, network.state_dict())
    before = {name: values.copy() for name, values in flat.items()}
    other = FusionNetwork(PARTS, SETTINGS)
    fill(layout, other, flat)
    with torch.no_grad():
        for value in other.parameters():
            value.add_(1)
    assert all(np.array_equal(flat[name], before[name]) for name in flat)


def test_whole_numbers_never_travel(network: FusionNetwork) -> None:
    layout = layout_of(network)
    whole = {name for name, value in network.state_dict().items() if not value.is_floating_point()}
    assert whole
    assert not whole & {*layout.parameters, *layout.buffers}
    assert whole | {*layout.parameters, *layout.buffers} == set(network.state_dict())
    other = FusionNetwork(PARTS, SETTINGS)
    fill(layout, other, flatten(layout, network.state_dict()))
    for name in whole:
        assert other.state_dict()[name].dtype == torch.int64
        assert int(other.state_dict()[name]) == 0


def test_fedbn_leaves_out_batch_norm_by_its_type(network: FusionNetwork) -> None:
    everything, layout = layout_of(network), layout_of(network, local_batch_norm=True)
    stays, travels = batch_norm_names(network), {*layout.parameters, *layout.buffers}
    assert len(stays) == 5 * 121
    assert not any("bn" in name for name in stays), "DenseNet calls them norm"
    assert travels == {*everything.parameters, *everything.buffers} - stays
    assert not layout.buffers
    flat = flatten(layout, network.state_dict())
    assert flat["buffers"].size == 0
    other = FusionNetwork(PARTS, SETTINGS)
    untouched = {name: other.state_dict()[name].clone() for name in stays}
    fill(layout, other, flat)
    assert all(torch.equal(other.state_dict()[name], value) for name, value in untouched.items())
    assert all(torch.equal(other.state_dict()[name], network.state_dict()[name]) for name in travels)


def test_a_name_that_only_looks_like_batch_norm_travels() -> None:
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bn, self.norm = nn.Linear(2, 2), nn.BatchNorm1d(2)

    assert set(layout_of(Named(), local_batch_norm=True).parameters) == {"bn.weight", "bn.bias"}


@pytest.mark.parametrize("change", [{}, {"parameters": -3, "buffers": 3}])
def test_another_size_is_refused(network: FusionNetwork, change: dict[str, int]) -> None:
    layout = layout_of(network)
    sizes = {name: layout.size(name) + change.get(name, 0) for name in ("parameters", "buffers")}
    given = {name: np.zeros(size, dtype=np.float32) for name, size in sizes.items()} if change else {}
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.raises(PeerError, match=r"has \d+ values, this study's network has \d+"):
        fill(layout, network, given)
    assert all(torch.equal(network.state_dict()[name], value) for name, value in before.items())
