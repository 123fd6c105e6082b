"""How a radiomic feature varies inside a tumour, by PyRadiomics' voxel-based mode."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from radiomics.featureextractor import RadiomicsFeatureExtractor

from client.radiomics import feature_names
from client.volumes import Volume
from common.study import Radiomics

SHOWN_FEATURES = ("wavelet-HL_glcm_SumEntropy", "wavelet-LL_glrlm_GrayLevelNonUniformityNormalized")
"""The paper's two (Visualization)."""
TITLES = dict(zip(SHOWN_FEATURES, ("Texture: variety of fine detail", "Texture: evenness of grey"), strict=True))
"""What they show, in plain words."""
KERNEL_RADIUS = 2
"""Voxels on each side of a voxel that its value is computed from."""
VOXELS_AT_A_TIME = 1000
"""Keeps the texture matrices of a large tumour from filling the memory."""


@dataclass(frozen=True)
class TextureMap:
    """A feature around each voxel of one axial slice, float64 (y, x), NaN outside the tumour; or why there is none."""

    name: str
    values: np.ndarray | None
    not_computed: str = ""


def texture_map(volume: Volume, name: str, settings: Radiomics, *, slice_number: int) -> TextureMap:
    """Map a feature, named as `feature_names` does, over the tumour in one axial slice of a resampled volume.

    Each value is computed from the tumour's voxels at most KERNEL_RADIUS away in that slice, with the settings'
    grey-level bins.
    """
    if not settings.force_2d or name not in feature_names(settings):
        reason = "the signature's radiomics settings do not give it; it needs Wavelet, its class and force_2d"
        return TextureMap(name, None, reason)
    band, kind, feature = name.split("_")
    extractor = _OneImage(band, settings)
    extractor.enableFeaturesByName(**{kind: [feature]})
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            found = extractor.execute(volume.image, _in_slice(volume.mask, slice_number), voxelBased=True)
    except ValueError as error:
        return TextureMap(name, None, f"PyRadiomics refuses the slice ({' '.join(str(error).split())})")
    if name not in found:
        return TextureMap(name, None, "too few voxels around the tumour for this filter")
    values = _placed(found[name], volume.image, slice_number)
    if not np.isfinite(values).any():
        return TextureMap(name, None, "no voxel of the tumour in this slice has neighbours to compute it from")
    return TextureMap(name, values)


class _OneImage(RadiomicsFeatureExtractor):  # type: ignore[misc]
    """PyRadiomics' extractor of one wavelet band; the others are left out."""

    def __init__(self, band: str, settings: Radiomics) -> None:
        super().__init__(
            binWidth=settings.bin_width,
            force2D=True,
            force2Ddimension=0,
            additionalInfo=False,
            kernelRadius=KERNEL_RADIUS,
            voxelBatch=VOXELS_AT_A_TIME,
            initValue=np.nan,
        )
        self.band = band
        self.disableAllImageTypes()
        self.disableAllFeatures()
        self.enableImageTypeByName("Wavelet")

    def computeFeatures(
        self, image: sitk.Image, mask: sitk.Image, imageTypeName: str, **settings: Any
    ) -> dict[str, Any]:
        if imageTypeName != self.band:
            return OrderedDict()
        found: dict[str, Any] = super().computeFeatures(image, mask, imageTypeName, **settings)
        return found


def _in_slice(mask: sitk.Image, slice_number: int) -> sitk.Image:
    # wavelets and textures stay within a slice under force2D, so the others change no value
    marked = sitk.GetArrayFromImage(mask)
    marked[np.arange(len(marked)) != slice_number] = 0
    alone = sitk.GetImageFromArray(marked)
    alone.CopyInformation(mask)
    return alone


def _placed(found: sitk.Image, image: sitk.Image, slice_number: int) -> np.ndarray:
    """The slice of a cropped map on the grid of the whole image; what is not finite becomes NaN."""
    left, top, lowest = image.TransformPhysicalPointToIndex(found.GetOrigin())
    width, height, _ = found.GetSize()
    values = np.full(image.GetSize()[1::-1], np.nan)
    part = sitk.GetArrayFromImage(found)[slice_number - lowest]
    values[top : top + height, left : left + width] = np.where(np.isfinite(part), part, np.nan)
    return values
