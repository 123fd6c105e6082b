"""PyRadiomics on a CT that its own function resampled in float64 and that was rounded to whole HU: for its values."""

from __future__ import annotations

from collections.abc import Sequence

import SimpleITK as sitk
from harness import serve
from plain import enable, features, keywords
from radiomics import imageoperations
from radiomics.featureextractor import RadiomicsFeatureExtractor

SETTINGS = RadiomicsFeatureExtractor(**keywords()).settings
REST = {name: value for name, value in keywords().items() if name not in ("resampledPixelSpacing", "interpolator")}
EXTRACTOR = enable(RadiomicsFeatureExtractor(**REST, additionalInfo=False))


def extract(paths: Sequence[str]) -> dict[str, float]:
    image, mask = (sitk.ReadImage(path) for path in paths)
    image, mask = imageoperations.resampleImage(sitk.Cast(image, sitk.sitkFloat64), mask, **SETTINGS)
    return features(EXTRACTOR.execute(sitk.Round(image), mask))


if __name__ == "__main__":
    serve(extract)
