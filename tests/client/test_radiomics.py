"""Radiomics: names, equality with plain PyRadiomics, and what cannot be computed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from phantoms import real_cases, tumour_volume, volume_of
from radiomics import cShape
from stock import assert_equal_to_plain

from client.radiomics import extract_features, feature_names
from client.resampling import resample
from client.shape_speed import mesh_area_and_volume, mesh_diameters
from client.volumes import read_volume
from common.errors import DataError
from common.paper_settings import PAPER_RADIOMICS, PAPER_RESAMPLING
from common.study import Resampling

REAL = real_cases()
SMALL = PAPER_RADIOMICS.model_copy(update={"image_types": ("Original",)})
needs_data = pytest.mark.skipif(not REAL, reason="../shared/data is absent")


def test_the_paper_has_1316_names() -> None:
    names = feature_names(PAPER_RADIOMICS)
    assert len(names) == len(set(names)) == 1316
    assert names[0] == "original_shape_Elongation"
    assert {"wavelet-HL_glcm_SumEntropy", "wavelet-LL_glrlm_GrayLevelNonUniformityNormalized"} <= set(names)
    assert sum("_shape_" in name for name in names) == 14
    images = dict.fromkeys(name.split("_")[0] for name in names)
    assert list(images) == [
        "original",
        *(f"wavelet-{bands}" for bands in ("LH", "HL", "HH", "LL")),
        *(f"log-sigma-{sigma}-0-mm-3D" for sigma in (1, 2, 3, 4)),
        *("square", "squareroot", "logarithm", "exponential", "gradient"),
    ]


def test_names_follow_the_settings_and_repeats_count_once() -> None:
    twice = SMALL.model_copy(update={"feature_classes": ("glcm", "shape", "glcm"), "image_types": ("Square", "Square")})
    names = feature_names(twice)
    assert len(names) == 14 + 24
    assert names[14].startswith("square_glcm_")


@pytest.mark.parametrize("rounding", ["whole-hu", "truncate"])
@pytest.mark.parametrize("force_2d", [True, False])
def test_equal_to_plain_pyradiomics_on_a_made_up_tumour(rounding: str, force_2d: bool) -> None:
    grid = Resampling.model_validate({"spacing_mm": (1, 1, 1), "rounding": rounding})
    chosen = PAPER_RADIOMICS.model_copy(update={"force_2d": force_2d})
    assert_equal_to_plain(resample(tumour_volume(3), grid), chosen)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 0.9, 3.0)])
def test_equal_on_another_grid(spacing: tuple[float, float, float]) -> None:
    volume = tumour_volume(4, spacing=(0.8, 0.8, 2.5))
    grid = Resampling(spacing_mm=spacing, rounding="whole-hu")
    assert_equal_to_plain(resample(volume, grid), SMALL.model_copy(update={"bin_width": 10.0}))


@needs_data
@pytest.mark.parametrize("case", ["PYRAD-lung1", "LIDC-0314"])
def test_equal_to_plain_pyradiomics_on_real_ct(case: str) -> None:
    assert_equal_to_plain(resample(read_volume(*REAL[case]), PAPER_RESAMPLING), PAPER_RADIOMICS)


@needs_data
@pytest.mark.slow
@pytest.mark.parametrize("case", sorted(set(REAL) - {"PYRAD-lung1", "LIDC-0314"}))
def test_equal_to_plain_pyradiomics_on_more_real_ct(case: str) -> None:
    assert_equal_to_plain(resample(read_volume(*REAL[case]), PAPER_RESAMPLING), PAPER_RADIOMICS)


def test_a_flat_tumour_and_a_single_slice_are_as_plain_pyradiomics_has_them() -> None:
    mask = np.zeros((12, 30, 30), dtype=np.uint8)
    mask[5, 10:20, 10:20] = 1
    noise = np.random.default_rng(0).normal(-850, 40, mask.shape)
    for image in (np.where(mask > 0, 40.0, noise), noise):
        assert_equal_to_plain(volume_of(np.rint(image), mask), PAPER_RADIOMICS)


def test_a_volume_too_small_for_a_filter_says_so() -> None:
    mask = np.zeros((3, 30, 30), dtype=np.uint8)
    mask[:, 10:20, 10:20] = 1
    image = np.rint(np.random.default_rng(0).normal(-100, 90, mask.shape))
    features = extract_features(volume_of(image, mask), PAPER_RADIOMICS)
    lost = [name for name in feature_names(PAPER_RADIOMICS) if name.startswith("log-sigma")]
    assert sorted(features.not_computed) == sorted(lost)
    assert "30 x 30 x 3 voxels around the tumour are too few" in features.not_computed[lost[0]]
    assert np.isnan(features.values).sum() == len(lost) == 4 * 93


def test_what_pyradiomics_refuses_is_one_line() -> None:
    with pytest.raises(DataError, match="PyRadiomics refuses") as caught:
        extract_features(volume_of(np.zeros((4, 5, 6)), np.zeros((4, 5, 6))), SMALL)
    assert "\n" not in str(caught.value)


def test_pyradiomics_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    extract_features(resample(tumour_volume(), PAPER_RESAMPLING), PAPER_RADIOMICS)
    assert capfd.readouterr() == ("", "")


MASKS = arrays.arrays(bool, st.tuples(*[st.integers(1, 6)] * 3)).filter(lambda mask: bool(mask.any()))
STEPS = st.tuples(*[st.sampled_from([0.5, 0.8, 1.0, 1.7, 3.0])] * 3)


@settings(deadline=None, max_examples=150)
@given(mask=MASKS, steps=STEPS)
def test_mesh_and_diameters_equal_the_c_code(mask: np.ndarray, steps: tuple[float, float, float]) -> None:
    padded, spacing = np.pad(mask, 1), np.array(steps)
    area, volume, diameters = cShape.calculate_coefficients(padded, spacing)
    assert mesh_area_and_volume(padded, spacing) == pytest.approx((area, volume))
    assert mesh_diameters(padded, spacing) == pytest.approx(diameters)
