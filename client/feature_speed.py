"""PyRadiomics' feature classes with its own formulas, and what they share of an image worked out once.

Kept from PyRadiomics: zones and all features but those overridden here.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import radiomics as pyradiomics
from radiomics import imageoperations
from radiomics.firstorder import RadiomicsFirstOrder
from radiomics.glcm import RadiomicsGLCM
from radiomics.gldm import RadiomicsGLDM
from radiomics.glrlm import RadiomicsGLRLM
from radiomics.ngtdm import RadiomicsNGTDM

from client.texture_speed import Neighbourhood, Texture, texture

logging.getLogger(__name__).setLevel(logging.CRITICAL + 1)

_PERCENTILES = (10, 25, 50, 75, 90)


@dataclass(frozen=True)
class GreyLevels:
    """Grey levels of a tumour in one image. PyRadiomics works them out again for each of six classes."""

    array: np.ndarray
    """int32 (z, y, x), from 1; zero outside."""
    present: np.ndarray
    """Those that occur, ascending."""
    ranks: np.ndarray
    """int32 (n,): the place of each voxel's level among them."""
    tumour: Neighbourhood

    @cached_property
    def texture(self) -> Texture:
        """Counts of neighbours."""
        return texture(self.ranks, self.present, self.tumour)


def grey_levels(values: np.ndarray, tumour: Neighbourhood, settings: dict[str, Any]) -> GreyLevels:
    """Discretise the values of a tumour's voxels."""
    edges = imageoperations.getBinEdges(np.array([values.min(), values.max()]), **settings)
    array = np.zeros(tumour.inside.shape, dtype=np.int32)
    array[tumour.inside] = levels = np.digitize(values, edges)
    present = np.flatnonzero(np.bincount(levels))
    ranks = np.zeros(int(present[-1]) + 1, dtype=np.int32)
    ranks[present] = np.arange(len(present))
    return GreyLevels(array, present, ranks[levels], tumour)


class _SharedGreyLevels:
    """A feature class that takes the grey levels it is given and looks up its feature names once."""

    settings: dict[str, Any]
    coefficients: dict[str, Any]

    def _applyBinning(self, matrix: np.ndarray) -> np.ndarray:
        levels: GreyLevels = self.settings["grey_levels"]
        self.coefficients["grayLevels"] = levels.present
        self.coefficients["Ng"] = int(levels.present[-1])
        return levels.array

    def _texture(self) -> Texture:
        levels: GreyLevels = self.settings["grey_levels"]
        return levels.texture

    @classmethod
    @lru_cache
    def getFeatureNames(cls) -> dict[str, bool]:
        names: dict[str, bool] = super().getFeatureNames()  # type: ignore[misc]
        return names


class _FastFirstOrder(_SharedGreyLevels, RadiomicsFirstOrder):  # type: ignore[misc]
    def _initCalculation(self, voxelCoordinates: None = None) -> None:
        voxels = np.bincount(self.settings["grey_levels"].ranks)
        self.coefficients["p_i"] = (voxels / voxels.sum())[None]
        self.targetVoxelArray: np.ndarray = self.imageArray[self.maskArray].astype(float)[None]
        self.percentiles = dict(zip(_PERCENTILES, np.percentile(self.targetVoxelArray, _PERCENTILES, 1), strict=True))

    def get10PercentileFeatureValue(self) -> Any:
        return self.percentiles[10]

    def getMedianFeatureValue(self) -> Any:
        return self.percentiles[50]

    def get90PercentileFeatureValue(self) -> Any:
        return self.percentiles[90]

    def getInterquartileRangeFeatureValue(self) -> Any:
        return self.percentiles[75] - self.percentiles[25]

    def getRobustMeanAbsoluteDeviationFeatureValue(self) -> Any:
        values = self.targetVoxelArray
        robust = values[(values >= self.percentiles[10]) & (values <= self.percentiles[90])]
        return np.abs(robust - robust.mean()).mean()

    @staticmethod
    def _moment(a: np.ndarray, moment: int = 1) -> Any:
        """Central moments by multiplication; np.power is several times slower."""
        if moment == 1:
            return 0.0
        centred = a - np.nanmean(a, 1, keepdims=True)
        power = centred * centred
        return np.nanmean(power if moment == 2 else power * centred if moment == 3 else power * power, 1)


class _FastGLCM(_SharedGreyLevels, RadiomicsGLCM):  # type: ignore[misc]
    def _calculateMatrix(self, voxelCoordinates: None = None) -> np.ndarray:
        one_way = self._texture().pairs
        pairs = _without_empty(one_way + one_way.swapaxes(0, 1))
        total = pairs.sum(axis=(0, 1))
        return (pairs / np.where(total == 0, np.nan, total))[None]

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


class _FastGLRLM(_SharedGreyLevels, RadiomicsGLRLM):  # type: ignore[misc]
    def _calculateMatrix(self, voxelCoordinates: None = None) -> np.ndarray:
        runs = _without_empty(self._texture().runs)
        total = runs.sum(axis=(0, 1))
        self.coefficients["Nr"] = np.where(total == 0, np.nan, total)[None]
        return runs[None]


class _FastGLDM(_SharedGreyLevels, RadiomicsGLDM):  # type: ignore[misc]
    def _calculateMatrix(self, voxelCoordinates: None = None) -> np.ndarray:
        dependence = self._texture().dependence
        sizes = np.flatnonzero(dependence.any(axis=0))
        matrix = dependence[None, :, sizes]
        self.coefficients |= {
            "Nz": matrix.sum(axis=(1, 2)),
            "pd": matrix.sum(axis=1),
            "pg": matrix.sum(axis=2),
            "ivector": self.coefficients["grayLevels"].astype(float),
            "jvector": sizes + 1.0,
        }
        return matrix


class _FastNGTDM(_SharedGreyLevels, RadiomicsNGTDM):  # type: ignore[misc]
    def _calculateMatrix(self, voxelCoordinates: None = None) -> np.ndarray:
        levels: GreyLevels = self.settings["grey_levels"]
        voxels = np.bincount(levels.ranks)
        return np.stack([voxels, levels.texture.differences, levels.present], axis=1)[None].astype(float)


def _without_empty(counts: np.ndarray) -> np.ndarray:
    """Without directions that hold nothing; a single direction stays."""
    held = counts.any(axis=(0, 1))
    return counts if counts.shape[2] == 1 else counts[:, :, held]


def _feature_class(kind: str) -> type:
    known = {
        "firstorder": _FastFirstOrder,
        "glcm": _FastGLCM,
        "glrlm": _FastGLRLM,
        "gldm": _FastGLDM,
        "ngtdm": _FastNGTDM,
    }
    return known.get(kind) or type(f"_Fast{kind}", (_SharedGreyLevels, pyradiomics.getFeatureClasses()[kind]), {})


CLASSES = {kind: _feature_class(kind) for kind in ("firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm")}
