"""PyRadiomics called plainly, to compare with."""

from __future__ import annotations

import numpy as np
from radiomics.featureextractor import RadiomicsFeatureExtractor

from client.radiomics import extract_features, feature_names
from client.volumes import Volume
from common.study import Radiomics


def plain_features(volume: Volume, settings: Radiomics) -> dict[str, float]:
    """All features of a resampled volume by the plain extractor, its resampling off."""
    extractor = RadiomicsFeatureExtractor(
        binWidth=settings.bin_width, force2D=settings.force_2d, force2Ddimension=0, additionalInfo=False
    )
    extractor.disableAllImageTypes()
    extractor.disableAllFeatures()
    sigmas = {"LoG": {"sigma": list(settings.log_sigmas_mm)}}
    extractor.enableImageTypes(**{name: sigmas.get(name, {}) for name in settings.image_types})
    extractor.enableFeaturesByName(**{name: [] for name in settings.feature_classes})
    with np.errstate(all="ignore"):
        return {name: float(np.real(value)) for name, value in extractor.execute(volume.image, volume.mask).items()}


def assert_equal_to_plain(volume: Volume, settings: Radiomics) -> None:
    """The project's values are PyRadiomics' to 1e-6 relative, in its order and with its names."""
    plain, ours = plain_features(volume, settings), extract_features(volume, settings)
    names = feature_names(settings)
    assert [name for name in names if name in plain] == list(plain)
    theirs = np.array([plain.get(name, np.nan) for name in names])
    np.testing.assert_allclose(ours.values, theirs, rtol=1e-6, atol=1e-12)
    assert set(ours.not_computed) == {name for name in names if not np.isfinite(plain.get(name, np.nan))}
