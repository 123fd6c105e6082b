"""The fusion network: its parts, its first weights and the ImageNet file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torchvision.models import densenet121

from common.errors import StudyError
from common.network import FusionNetwork, Parts, Trunk, build_network
from common.pretrained import load_pretrained
from common.study import Network

SETTINGS = Network(trunk="densenet121", hidden_units=(), dropout=0.0)
ALL = Parts(patches=True, radiomics=7, clinical=4)


def test_sizes_are_the_papers() -> None:
    network = FusionNetwork(ALL, SETTINGS)
    assert network.classifier[-1].in_features == 1024 + 7 + 4
    patches = torch.zeros(2, 64, 64, dtype=torch.uint8)
    assert network.trunk is not None
    assert network.trunk(patches).shape == (2, 1024)
    assert network(patches, torch.zeros(2, 11)).shape == (2, 2)


def test_parts_left_out_need_no_trunk() -> None:
    network = FusionNetwork(Parts(patches=False, radiomics=7, clinical=0), SETTINGS)
    assert network.trunk is None
    assert network(None, torch.zeros(3, 7)).shape == (3, 2)


def test_first_weights_depend_on_the_seed_alone() -> None:
    torch.manual_seed(1)
    first = build_network(ALL, SETTINGS, seed=5).state_dict()
    torch.manual_seed(2)
    again = build_network(ALL, SETTINGS, seed=5).state_dict()
    other = build_network(ALL, SETTINGS, seed=6).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["trunk.features.conv0.weight"], other["trunk.features.conv0.weight"])


def test_trunk_is_torchvisions_densenet_on_grey() -> None:
    trunk, stock = Trunk().eval(), densenet121(weights=None).eval()
    state = {f"features.{name}": value for name, value in trunk.features.state_dict().items()}
    state["features.conv0.weight"] = state["features.conv0.weight"].repeat(1, 3, 1, 1) / 3
    stock.load_state_dict(state | {"classifier.weight": torch.eye(1024)[:1000], "classifier.bias": torch.zeros(1000)})
    patches = torch.randint(0, 256, (2, 64, 64), dtype=torch.uint8)
    grey = ((patches / 255 - 0.449) / 0.226).unsqueeze(1).repeat(1, 3, 1, 1)
    torch.testing.assert_close(trunk(patches)[:, :1000], stock(grey), rtol=1e-4, atol=1e-4)


def test_pretrained_file_with_old_names_is_read(tmp_path: Path) -> None:
    stock = densenet121(weights=None).state_dict()
    old = {name.replace("norm1", "norm.1").replace("conv2", "conv.2"): value for name, value in stock.items()}
    torch.save(old, tmp_path / "densenet121.pth")
    trunk = Trunk()
    load_pretrained(trunk, tmp_path / "densenet121.pth")
    expected = stock["features.conv0.weight"].sum(dim=1, keepdim=True)
    assert torch.equal(trunk.features.conv0.weight, expected)
    name = "denseblock1.denselayer1.conv2.weight"
    assert torch.equal(trunk.features.state_dict()[name], stock[f"features.{name}"])


@pytest.mark.parametrize("content", [b"", b"no weights", None])
def test_wrong_pretrained_file_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "weights.pth"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StudyError, match="pretrained_file"):
        load_pretrained(Trunk(), path)
