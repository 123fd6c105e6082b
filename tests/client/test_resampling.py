"""Resampling: PyRadiomics' grid, whole HU, and a crop that changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from phantoms import tumour_volume, volume_of
from radiomics import imageoperations

from client.resampling import resample
from client.volumes import Volume
from common.errors import DataError
from common.paper_settings import PAPER_RESAMPLING
from common.study import Resampling

TRUNCATE = Resampling(spacing_mm=(1, 1, 1), rounding="truncate")


def stock(volume: Volume, *, spacing: tuple[float, float, float] = (1, 1, 1)) -> tuple[sitk.Image, sitk.Image]:
    pair: tuple[sitk.Image, sitk.Image] = imageoperations.resampleImage(
        volume.image, volume.mask, resampledPixelSpacing=list(spacing), interpolator=sitk.sitkBSpline, padDistance=5
    )
    return pair


def same(left: sitk.Image, right: sitk.Image) -> bool:
    grids = all(
        getattr(left, name)() == getattr(right, name)()
        for name in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection")
    )
    return grids and np.array_equal(sitk.GetArrayFromImage(left), sitk.GetArrayFromImage(right))


SPACINGS = st.tuples(st.floats(0.5, 1.6), st.floats(0.5, 1.6), st.floats(0.8, 5))


@settings(max_examples=15, deadline=None)
@given(spacing=SPACINGS, seed=st.integers(0, 99), target=st.sampled_from([1.0, 2.0]))
def test_cropping_first_gives_the_rounded_values_of_the_whole_volume(
    spacing: tuple[float, float, float], seed: int, target: float
) -> None:
    volume = tumour_volume(seed, spacing=spacing, size=(90, 84, 40), radius_mm=6)
    image, mask = stock(Volume(sitk.Cast(volume.image, sitk.sitkFloat64), volume.mask), spacing=(target,) * 3)
    done = resample(volume, Resampling(spacing_mm=(target,) * 3, rounding="whole-hu"))
    assert same(done.mask, mask)
    whole = sitk.GetArrayFromImage(image)
    rounded = sitk.GetArrayFromImage(done.image)
    tie = np.abs(np.abs(whole - np.floor(whole)) - 0.5) < 1e-6
    assert np.array_equal(rounded[~tie], np.rint(whole[~tie]))
    assert np.abs(rounded - whole).max() <= 0.5 + 1e-6


def test_truncate_is_stock_pyradiomics_on_the_integer_ct() -> None:
    volume = tumour_volume()
    image, mask = stock(volume)
    done = resample(volume, TRUNCATE)
    assert same(done.image, image)
    assert same(done.mask, mask)
    assert done.image.GetPixelID() == sitk.sitkInt16


def test_an_image_with_the_voxel_size_already_keeps_its_values() -> None:
    volume = tumour_volume(spacing=(1.0, 1.0, 1.0))
    done, cropped = resample(volume, PAPER_RESAMPLING), stock(volume)
    assert same(done.image, sitk.Cast(cropped[0], sitk.sitkFloat64))
    assert same(done.mask, cropped[1])


def test_a_tumour_of_one_slice_keeps_its_slice_thickness() -> None:
    mask = np.zeros((9, 30, 30), dtype=np.uint8)
    mask[4, 10:20, 10:20] = 1
    image = np.random.default_rng(0).integers(-900, 100, mask.shape).astype(np.int16)
    done = resample(volume_of(image, mask, (0.7, 0.7, 5.0)), PAPER_RESAMPLING)
    assert done.image.GetSpacing() == (1.0, 1.0, 5.0)


def test_a_tumour_that_is_lost_between_the_voxels_is_refused() -> None:
    mask = np.zeros((9, 30, 30), dtype=np.uint8)
    mask[4:6, 10:12, 10] = 1
    image = np.random.default_rng(0).integers(-900, 100, mask.shape).astype(np.int16)
    with pytest.raises(DataError, match=r"once resampled to 9 x 9 x 9 mm"):
        resample(volume_of(image, mask, (0.3, 0.3, 0.3)), Resampling(spacing_mm=(9, 9, 9), rounding="whole-hu"))
