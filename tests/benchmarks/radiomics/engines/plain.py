"""The study's settings in the words of PyRadiomics, which others share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness import settings


def keywords() -> dict[str, Any]:
    """What the extractor is made with."""
    known = settings()
    return {
        "binWidth": known["bin_width"],
        "force2D": known["force_2d"],
        "force2Ddimension": 0,
        "resampledPixelSpacing": known["spacing_mm"],
        "interpolator": "sitkBSpline",
    }


def enable(extractor: Any) -> Any:
    """The same extractor with the study's images and classes."""
    known = settings()
    extractor.disableAllImageTypes()
    extractor.disableAllFeatures()
    sigmas = {"LoG": {"sigma": known["log_sigmas_mm"]}}
    extractor.enableImageTypes(**{name: sigmas.get(name, {}) for name in known["image_types"]})
    extractor.enableFeaturesByName(**{name: [] for name in known["feature_classes"]})
    return extractor


def features(found: Mapping[str, Any]) -> dict[str, float]:
    """Without the words about image and mask."""
    return {name: float(value.real) for name, value in found.items() if not name.startswith("diagnostics")}
