"""PyRadiomics' own extraction with repeated work done once; every value stays what PyRadiomics gives.

Kept from PyRadiomics: filters and cropping, and what feature_speed, texture_speed and shape_speed keep.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import SimpleITK as sitk
from radiomics import imageoperations
from radiomics.featureextractor import RadiomicsFeatureExtractor

from client.feature_speed import CLASSES, grey_levels
from client.shape_speed import FastShape
from client.texture_speed import Neighbourhood, neighbourhood


class FastExtractor(RadiomicsFeatureExtractor):  # type: ignore[misc]
    """PyRadiomics' extractor that discretises each image once and measures diameters on few points."""

    _tumour: Neighbourhood | None = None

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
        kinds = [kind for kind in self.enabledFeatures if kind in CLASSES]
        if not kinds:
            return OrderedDict()
        inside = sitk.GetArrayFromImage(mask) == settings.get("label", 1)
        values = sitk.GetArrayFromImage(image)[inside]
        settings["grey_levels"] = grey_levels(values, self._neighbourhood(inside, settings["force2D"]), settings)
        return OrderedDict(
            (f"{imageTypeName}_{kind}_{name}", value)
            for kind in kinds
            for name, value in CLASSES[kind](image, mask, **settings).execute().items()
        )

    def _neighbourhood(self, inside: np.ndarray, force_2d: bool) -> Neighbourhood:
        """The same for all images of a patient, so it is kept until another mask comes."""
        if self._tumour is None or not np.array_equal(inside, self._tumour.inside):
            self._tumour = neighbourhood(inside, force_2d=force_2d)
        return self._tumour
