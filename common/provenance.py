"""With what a result was computed: versions and device."""

from __future__ import annotations

from importlib import metadata

import torch

from common.parallel import cores

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


def device_name(device: torch.device) -> str:
    """What the networks ran on, for people."""
    if device.type == "cuda":
        return f"cuda: {torch.cuda.get_device_name(device)}"
    return f"cpu: {cores()} cores"
