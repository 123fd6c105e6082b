"""Maps of radiomic features inside a tumour, against plain PyRadiomics."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from phantoms import tumour_volume
from radiomics.featureextractor import RadiomicsFeatureExtractor
from signatures import RADIOMICS

from client.patches import tumour_box
from client.resampling import resample
from client.texture_maps import KERNEL_RADIUS, SHOWN_FEATURES, texture_map
from client.volumes import Volume
from common.paper_settings import PAPER_RESAMPLING


@pytest.fixture(scope="module")
def volume() -> Volume:
    return resample(tumour_volume(3), PAPER_RESAMPLING)


def plain_extractor(name: str, **settings: int) -> RadiomicsFeatureExtractor:
    _, kind, feature = name.split("_")
    extractor = RadiomicsFeatureExtractor(
        binWidth=25, force2D=True, force2Ddimension=0, additionalInfo=False, **settings
    )
    extractor.disableAllImageTypes()
    extractor.disableAllFeatures()
    extractor.enableImageTypeByName("Wavelet")
    extractor.enableFeaturesByName(**{kind: [feature]})
    return extractor


@pytest.mark.parametrize("name", SHOWN_FEATURES)
def test_feature_map_is_that_of_plain_pyradiomics_over_the_whole_tumour(volume: Volume, name: str) -> None:
    place = tumour_box(sitk.GetArrayFromImage(volume.mask), margin=5).slice
    found = texture_map(volume, name, RADIOMICS, slice_number=place).values
    assert found is not None
    inside = sitk.GetArrayFromImage(volume.mask)[place] == 1
    assert np.array_equal(np.isfinite(found), inside)
    plain = plain_extractor(name, kernelRadius=KERNEL_RADIUS).execute(volume.image, volume.mask, voxelBased=True)[name]
    whole = sitk.Resample(plain, volume.image, sitk.Transform(), sitk.sitkNearestNeighbor)
    np.testing.assert_allclose(found[inside], sitk.GetArrayFromImage(whole)[place][inside], rtol=1e-9)


@pytest.mark.parametrize("name", SHOWN_FEATURES)
def test_a_value_of_the_map_is_the_feature_of_its_neighbourhood(volume: Volume, name: str) -> None:
    box = tumour_box(sitk.GetArrayFromImage(volume.mask), margin=0)
    row, column = (box.top + box.bottom) // 2, (box.left + box.right) // 2
    near = np.zeros_like(sitk.GetArrayFromImage(volume.mask))
    near[
        box.slice, row - KERNEL_RADIUS : row + KERNEL_RADIUS + 1, column - KERNEL_RADIUS : column + KERNEL_RADIUS + 1
    ] = 1
    mask = sitk.GetImageFromArray(near)
    mask.CopyInformation(volume.mask)
    found = texture_map(volume, name, RADIOMICS, slice_number=box.slice).values
    assert found is not None
    expected = float(plain_extractor(name).execute(volume.image, mask)[name])
    assert found[row, column] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    "changes", [{"image_types": ("Original",)}, {"force_2d": False}, {"feature_classes": ("shape",)}]
)
def test_a_feature_that_the_settings_do_not_give_has_no_map(volume: Volume, changes: dict[str, object]) -> None:
    found = texture_map(volume, SHOWN_FEATURES[0], RADIOMICS.model_copy(update=changes), slice_number=3)
    assert found.values is None
    assert "Wavelet" in found.not_computed


@pytest.mark.parametrize(
    ("voxels", "reason"), [([(8, 8)], "PyRadiomics refuses"), ([(8, 8), (11, 12)], "no voxel of the tumour")]
)
@pytest.mark.parametrize("name", SHOWN_FEATURES)
def test_voxels_without_neighbours_have_no_map(
    volume: Volume, name: str, voxels: list[tuple[int, int]], reason: str
) -> None:
    marked = np.zeros(volume.mask.GetSize()[::-1], dtype=np.uint8)
    for row, column in voxels:
        marked[5, row, column] = 1
    mask = sitk.GetImageFromArray(marked)
    mask.CopyInformation(volume.mask)
    found = texture_map(Volume(volume.image, mask), name, RADIOMICS, slice_number=5)
    assert found.values is None
    assert found.not_computed.startswith(reason)
