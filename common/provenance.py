"""With what a result was computed."""

from __future__ import annotations

from importlib import metadata

PACKAGES = (
    "pdl1es",
    "torch",
    "torchvision",
    "pyradiomics",
    "SimpleITK",
    "lifelines",
    "statsmodels",
    "dcurves",
    "scikit-learn",
    "numpy",
    "scipy",
)


def versions() -> dict[str, str]:
    """Versions of this program and of the libraries that decide numbers."""
    return {name: metadata.version(name) for name in PACKAGES}
