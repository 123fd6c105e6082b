"""Radiomic features by PyRadiomics, in its order and with its names."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import radiomics as pyradiomics

from client.radiomics_speed import FastExtractor
from client.volumes import Volume
from common.errors import DataError
from common.study import Radiomics

logging.getLogger("radiomics").setLevel(logging.CRITICAL + 1)

_WAVELETS_2D = ("LH", "HL", "HH", "LL")
_WAVELETS_3D = ("LLH", "LHL", "LHH", "HLL", "HLH", "HHL", "HHH", "LLL")


@dataclass(frozen=True)
class Features:
    """Values float64 (n,) in the order of `feature_names`, and why each that is not finite is not."""

    values: np.ndarray
    not_computed: Mapping[str, str]


def feature_names(settings: Radiomics) -> tuple[str, ...]:
    """Names of all features in PyRadiomics' order: shape first, then each image with its classes."""
    classes = list(dict.fromkeys(settings.feature_classes))
    shape = [f"original_shape_{name}" for name in _class_features("shape")] if "shape" in classes else []
    return tuple(shape) + tuple(
        f"{image}_{kind}_{name}"
        for image in _image_names(settings)
        for kind in classes
        if kind != "shape"
        for name in _class_features(kind)
    )


def extract_features(volume: Volume, settings: Radiomics) -> Features:
    """Compute all features of a resampled volume.

    Values equal those of PyRadiomics 3.0.1 called plainly on the same volume. A feature that PyRadiomics leaves out
    or that has no finite value is NaN with a reason. DataError when PyRadiomics refuses the volume.
    """
    names = feature_names(settings)
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            found = make_extractor(settings).execute(volume.image, volume.mask)
    except ValueError as error:
        raise DataError(
            f"PyRadiomics refuses the volume ({' '.join(str(error).split())}); look at image and mask"
        ) from error
    values = np.array([float(np.real(found.get(name, np.nan))) for name in names])
    missing = {name: _reason(name, found, volume) for name in names if not _finite(found, name)}
    return Features(values, missing)


def make_extractor(settings: Radiomics) -> FastExtractor:
    """PyRadiomics' extractor with the study's settings; it resamples nothing, for `resample` did."""
    extractor = FastExtractor(
        binWidth=settings.bin_width, force2D=settings.force_2d, force2Ddimension=0, additionalInfo=False
    )
    extractor.disableAllImageTypes()
    extractor.disableAllFeatures()
    for image in settings.image_types:
        extractor.enableImageTypeByName(
            image, customArgs={"sigma": list(settings.log_sigmas_mm)} if image == "LoG" else {}
        )
    for kind in settings.feature_classes:
        extractor.enableFeatureClassByName(kind)
    return extractor


def _finite(found: Mapping[str, object], name: str) -> bool:
    return name in found and bool(np.isfinite(found[name]))  # type: ignore[call-overload]


def _reason(name: str, found: Mapping[str, object], volume: Volume) -> str:
    if name in found:
        return f"PyRadiomics gives {found[name]} for this tumour"
    size = " x ".join(map(str, volume.image.GetSize()))
    return f"PyRadiomics leaves this filter out: {size} voxels around the tumour are too few for it"


@lru_cache
def _class_features(kind: str) -> tuple[str, ...]:
    known = pyradiomics.getFeatureClasses()[kind].getFeatureNames()
    return tuple(name for name, deprecated in known.items() if not deprecated)


def _image_names(settings: Radiomics) -> list[str]:
    names: list[str] = []
    for image in dict.fromkeys(settings.image_types):
        if image == "Wavelet":
            names += [f"wavelet-{bands}" for bands in (_WAVELETS_2D if settings.force_2d else _WAVELETS_3D)]
        elif image == "LoG":
            names += [f"log-sigma-{str(sigma).replace('.', '-')}-mm-3D" for sigma in settings.log_sigmas_mm]
        else:
            names.append(image.lower())
    return names
