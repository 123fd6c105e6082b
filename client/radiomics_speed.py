"""PyRadiomics' own formulas with repeated work done once; every value stays what PyRadiomics gives.

Kept from PyRadiomics: filters, cropping, texture matrices, shape mesh and all features but the three overridden here.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import radiomics as pyradiomics
import SimpleITK as sitk
from radiomics import imageoperations
from radiomics.featureextractor import RadiomicsFeatureExtractor
from radiomics.firstorder import RadiomicsFirstOrder
from radiomics.glcm import RadiomicsGLCM

from client.shape_speed import FastShape

logging.getLogger(__name__).setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True)
class GreyLevels:
    """Grey levels of a tumour, from 1; zero outside. PyRadiomics works them out again for each of six classes."""

    array: np.ndarray
    present: np.ndarray


def grey_levels(image: sitk.Image, mask: sitk.Image, settings: dict[str, Any]) -> GreyLevels:
    """Discretise the voxels of a cropped image inside its mask (int32 as the C code wants them)."""
    inside = sitk.GetArrayFromImage(mask) == settings.get("label", 1)
    values = sitk.GetArrayFromImage(image)[inside]
    edges = imageoperations.getBinEdges(np.array([values.min(), values.max()]), **settings)
    array = np.zeros(inside.shape, dtype=np.int32)
    array[inside] = levels = np.digitize(values, edges)
    return GreyLevels(array, np.flatnonzero(np.bincount(levels)))


class _SharedGreyLevels:
    """A feature class that takes the grey levels it is given and looks up its feature names once."""

    settings: dict[str, Any]
    coefficients: dict[str, Any]

    def _applyBinning(self, matrix: np.ndarray) -> np.ndarray:
        levels: GreyLevels = self.settings["grey_levels"]
        self.coefficients["grayLevels"] = levels.present
        self.coefficients["Ng"] = int(levels.present[-1])
        return levels.array

    @classmethod
    @lru_cache
    def getFeatureNames(cls) -> dict[str, bool]:
        names: dict[str, bool] = super().getFeatureNames()  # type: ignore[misc]
        return names


class _FastFirstOrder(_SharedGreyLevels, RadiomicsFirstOrder):  # type: ignore[misc]
    @staticmethod
    def _moment(a: np.ndarray, moment: int = 1) -> Any:
        """Central moments by multiplication; np.power is several times slower."""
        if moment == 1:
            return 0.0
        centred = a - np.nanmean(a, 1, keepdims=True)
        power = centred * centred
        return np.nanmean(power if moment == 2 else power * centred if moment == 3 else power * power, 1)


class _FastGLCM(_SharedGreyLevels, RadiomicsGLCM):  # type: ignore[misc]
    def getMCCFeatureValue(self) -> Any:
        """Maximal correlation coefficient with its sum over grey levels as one matrix product."""
        joint = self.P_glcm.transpose(0, 3, 1, 2)
        rows, columns = (self.coefficients[name].transpose(0, 3, 1, 2) for name in ("px", "py"))
        # columns is (..., 1, k): the marginal that PyRadiomics divides by, with its own epsilon
        quotient = joint / (rows * columns + self.coefficients["eps"])
        eigenvalues = np.linalg.eigvals(quotient @ joint.swapaxes(2, 3))
        eigenvalues.sort()
        if eigenvalues.shape[2] < 2:
            return 1  # a flat tumour has one grey level
        return np.nanmean(np.sqrt(eigenvalues[:, :, -2]), 1).real


def _feature_class(kind: str) -> type:
    known: dict[str, type] = {"firstorder": _FastFirstOrder, "glcm": _FastGLCM}
    return known.get(kind) or type(f"_Fast{kind}", (_SharedGreyLevels, pyradiomics.getFeatureClasses()[kind]), {})


_CLASSES = {kind: _feature_class(kind) for kind in ("firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm")}


class FastExtractor(RadiomicsFeatureExtractor):  # type: ignore[misc]
    """PyRadiomics' extractor that discretises each image once and measures diameters on few points."""

    def computeShape(self, image: sitk.Image, mask: sitk.Image, boundingBox: Any, **settings: Any) -> dict[str, Any]:
        if "shape" not in self.enabledFeatures:
            return OrderedDict()
        cropped = imageoperations.cropToTumorMask(image, mask, boundingBox)
        return OrderedDict(
            (f"original_shape_{name}", value) for name, value in FastShape(*cropped, **settings).execute().items()
        )

    def computeFeatures(
        self, image: sitk.Image, mask: sitk.Image, imageTypeName: str, **settings: Any
    ) -> dict[str, Any]:
        kinds = [kind for kind in self.enabledFeatures if kind in _CLASSES]
        if not kinds:
            return OrderedDict()
        settings["grey_levels"] = grey_levels(image, mask, settings)
        return OrderedDict(
            (f"{imageTypeName}_{kind}_{name}", value)
            for kind in kinds
            for name, value in _CLASSES[kind](image, mask, **settings).execute().items()
        )
