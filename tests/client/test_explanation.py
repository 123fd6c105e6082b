"""What an explanation shows: activation map, contributions, display, picture."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from matplotlib import image as images
from phantoms import make_site, tumour_volume, volume_of, write_volume
from signatures import FEATURES, HIDDEN, LINEAR, random_network, seal_signature
from torch import Tensor, nn

from client.activation import STRIDE, field_maps, on_box, on_patch, trunk_maps
from client.contributions import contributions
from client.explanation import Explanation, explain_patient
from client.explanation_picture import explain_patients, explanation_picture
from client.patches import Box, tumour_box
from client.resampling import resample
from client.scoring import Scored, score_patients
from client.site import Site
from client.slice_canvas import canvas_around
from client.synthetic import is_synthetic
from client.volumes import Volume
from common.network import FusionNetwork
from common.paper_settings import PAPER_RESAMPLING
from common.study import Network
from simulation.cohort.nifti import nifti_bytes

pytestmark = pytest.mark.usefixtures("one_thread")

PATCH = torch.randint(0, 256, (1, 64, 64), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
VALUES = torch.randn((1, 7), generator=torch.Generator().manual_seed(2))
NAMES = tuple("abcdefg")


def log_odds(network: FusionNetwork, patch: Tensor, values: Tensor) -> float:
    low, high = network(patch, values)[0].tolist()
    return high - low


def test_fields_are_weights_times_maps_and_add_up_to_the_share_of_the_patch() -> None:
    network = random_network(LINEAR)
    maps = trunk_maps(network, PATCH, VALUES).relu()[0].double()
    last = network.classifier[-1]
    weights = (last.weight[1] - last.weight[0]).detach().double()
    by_hand = (weights[:1024, None, None] * maps).sum(0) / maps[0].numel()
    fields = field_maps(network, PATCH, VALUES)[0]
    assert fields.shape == (2, 2)
    np.testing.assert_allclose(fields, by_hand.numpy(), atol=1e-5)
    without_patch = float(weights[1024:] @ VALUES[0].double()) + (last.bias[1] - last.bias[0]).item()
    assert fields.sum() == pytest.approx(log_odds(network, PATCH, VALUES) - without_patch, abs=1e-4)


def test_fields_behind_a_hidden_layer_are_mean_gradients_times_maps() -> None:
    network = random_network(HIDDEN)
    maps = trunk_maps(network, PATCH, VALUES).relu().requires_grad_()
    logits = network.classifier(torch.cat([maps.mean((2, 3)), VALUES], dim=1))[0]
    (gradients,) = torch.autograd.grad(logits[1] - logits[0], maps)
    by_hand = (gradients.mean((2, 3), keepdim=True) * maps).sum(1)[0].detach()
    np.testing.assert_allclose(field_maps(network, PATCH, VALUES)[0], by_hand.numpy(), atol=1e-5)


class MeanGrey(nn.Module):
    """Last maps whose first channel is how bright each field is."""

    def forward(self, grey: Tensor) -> Tensor:
        return nn.functional.avg_pool2d(grey, STRIDE).expand(-1, 1024, -1, -1)


def test_a_network_that_reads_brightness_is_shown_where_it_is_bright() -> None:
    network = random_network(LINEAR)
    assert network.trunk is not None
    network.trunk.features = MeanGrey()
    with torch.no_grad():
        network.classifier[-1].weight.zero_()
        network.classifier[-1].weight[1, 0] = 1
    patch = torch.zeros((1, 112, 112), dtype=torch.uint8)
    patch[0, 64:96, :32] = 255
    shown = on_box(on_patch(field_maps(network, patch, VALUES)[0], size=112), Box(0, 10, 66, 20, 48))
    assert shown.shape == (56, 28)
    bright = np.unravel_index(shown.argmax(), shown.shape)
    assert 32 <= bright[0] < 48
    assert bright[1] < 8
    assert (shown[:16] == 0).all()
    assert (shown[:, 20:] == 0).all()


def test_fields_keep_their_place_where_pooling_leaves_pixels_over() -> None:
    fields = np.arange(9.0).reshape(3, 3)
    patch = on_patch(fields, size=112)
    assert patch.shape == (112, 112)
    centres = [15, 47, 79]
    np.testing.assert_allclose(patch[np.ix_(centres, centres)], fields, atol=0.1)
    np.testing.assert_array_equal(patch[96:], np.broadcast_to(patch[95], (16, 112)))
    assert on_patch(np.ones((1, 1)), size=32).tolist() == np.ones((32, 32)).tolist()
    np.testing.assert_allclose(on_box(np.full((64, 64), 3.0), Box(0, 0, 30, 5, 95)), np.full((30, 90), 3.0))


@pytest.mark.parametrize("settings", [LINEAR, HIDDEN])
def test_contributions_add_up_to_the_log_odds(settings: Network) -> None:
    network = random_network(settings)
    found = contributions(network, PATCH, VALUES, NAMES)
    whole = log_odds(network, PATCH, VALUES)
    assert found.log_odds == pytest.approx(whole, abs=1e-4)
    # 50 steps of integrated gradients, across the kinks of a hidden layer's ReLU
    assert found.constant + found.patch + sum(found.values.values()) == pytest.approx(whole, abs=0.02)
    at_mean = log_odds(network, PATCH, torch.zeros_like(VALUES))
    assert found.constant + found.patch == pytest.approx(at_mean, abs=1e-4)


def test_without_a_hidden_layer_a_contribution_is_weight_difference_times_value() -> None:
    network = random_network(LINEAR)
    found = contributions(network, PATCH, VALUES, NAMES)
    weights = network.classifier[-1].weight[:, 1024:]
    by_hand = ((weights[1] - weights[0]) * VALUES[0]).tolist()
    assert list(found.values.values()) == pytest.approx(by_hand, abs=1e-5)
    assert (found.exact, contributions(random_network(HIDDEN), PATCH, VALUES, NAMES).exact) == (True, False)


def test_the_display_does_not_depend_on_how_the_file_is_turned() -> None:
    mask = np.zeros((6, 90, 80), dtype=np.uint8)
    mask[2:4, 20:28, 50:62] = 1
    hounsfield = np.random.default_rng(2).integers(-900, 100, mask.shape).astype(np.int16)
    upright = volume_of(hounsfield, mask)
    turned = Volume(*(sitk.Flip(one, [True, True, False]) for one in (upright.image, upright.mask)))
    assert turned.image.GetDirection()[0] < 0
    shown = []
    for whole in (upright, turned):
        near = resample(whole, PAPER_RESAMPLING)
        marked = sitk.GetArrayFromImage(near.mask)
        box = tumour_box(marked, margin=5)
        canvas = canvas_around(whole, near, box)
        place = canvas.place_box(box)
        tumour = canvas.place(marked[box.slice]) == 1
        assert place.bottom - place.top == 18
        assert tumour[place.top : place.bottom, place.left : place.right].sum() == mask[2].sum()
        shown.append((canvas.displayed(canvas.hounsfield), tumour))
    np.testing.assert_allclose(shown[0][0], shown[1][0])
    np.testing.assert_array_equal(shown[0][1], shown[1][1])
    # 25 mm on each side of the longer edge of the box, as far as the CT goes
    np.testing.assert_allclose(shown[0][0], hounsfield[2, 0:60, 20:80])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("site")
    volumes = {"hidden-name": tumour_volume(1), "other-name": tumour_volume(2, radius_mm=9)}
    return make_site(folder, {name: write_volume(one, folder / "images", name) for name, one in volumes.items()})


@pytest.fixture(scope="module")
def scored(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Scored:
    folder = seal_signature(tmp_path_factory.mktemp("signature"))
    return score_patients(site, folder, jobs=1, device=torch.device("cpu"))


@pytest.fixture(scope="module")
def explanation(site: Site, scored: Scored) -> Explanation:
    return explain_patient(site, scored, "hidden-name")


def test_an_explanation_lies_on_one_grid(explanation: Explanation, scored: Scored) -> None:
    one = explanation
    box = (slice(one.box.top, one.box.bottom), slice(one.box.left, one.box.right))
    assert np.isfinite(one.activation[box]).all()
    assert np.isfinite(one.activation).sum() == one.activation[box].size
    assert one.tumour.sum() == one.tumour[box].sum() > 0
    # in this phantom soft tissue of 40 HU is the tumour, and lung of -850 HU is not
    assert one.hounsfield[one.tumour].mean() > -200
    assert one.hounsfield[~one.tumour].mean() < -700
    assert all(np.array_equal(np.isfinite(found.values), one.tumour) for found in one.textures)
    assert list(one.contributions.values) == [*FEATURES, "age", "sex", "smoking", "family_history"]
    assert one.contributions.log_odds == pytest.approx(scored.slice_logits[0, 1], abs=0.05)
    assert one.fields.sum() == pytest.approx(one.contributions.patch, abs=1e-4)


def test_the_picture_is_a_png_that_names_nobody(explanation: Explanation) -> None:
    picture = explanation_picture([explanation])
    assert images.imread(io.BytesIO(picture)).shape[:2] == (1410, 1260)
    assert b"hidden-name" not in picture
    assert explanation_picture([explanation]) == picture


def test_two_patients_share_a_picture(site: Site, scored: Scored) -> None:
    picture = explain_patients(site, scored, high="hidden-name", low="other-name")
    height, width = images.imread(io.BytesIO(picture)).shape[:2]
    assert width > height


def test_a_synthetic_ct_says_so_itself(site: Site, tmp_path: Path) -> None:
    ct = nifti_bytes(np.zeros((4, 4, 4), dtype=np.int16), spacing_mm=(1, 1, 1), text="SYNTHETIC pdl1es 0", level=0)
    (tmp_path / "ct.nii").write_bytes(ct)
    assert is_synthetic(tmp_path / "ct.nii")
    assert not is_synthetic(site.folder / "images" / "hidden-name_image.nii.gz")
    assert not is_synthetic(tmp_path / "none.nii")
