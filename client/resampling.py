"""CT and mask on the study's grid, which is PyRadiomics' own."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from radiomics import imageoperations

from client.volume_rules import thin_roi
from client.volumes import Volume
from common.errors import DataError
from common.study import Resampling

PAD_VOXELS = 5
"""Voxels kept around the tumour, PyRadiomics' default: filters and the network look there."""

SPLINE_REACH_VOXELS = 24
"""A B-spline's coefficients fade by a factor of 3.7 a voxel: beyond this none changes a value."""


def resample(volume: Volume, settings: Resampling) -> Volume:
    """Resample to the study's voxel size around the tumour, by `radiomics.imageoperations.resampleImage`.

    The image is interpolated by B-spline, the mask by nearest neighbour. A tumour of one slice keeps its slice
    thickness, and an image that has the voxel size already is only cropped, as PyRadiomics does. `whole-hu`
    computes in float64 and rounds (IBSI), `truncate` keeps the CT's own type (stock PyRadiomics).
    DataError when too little of the tumour is left.
    """
    image = volume.image
    if settings.rounding == "whole-hu":
        image = sitk.Cast(_near_tumour(volume, settings), sitk.sitkFloat64)
    image, mask = imageoperations.resampleImage(
        image,
        volume.mask,
        resampledPixelSpacing=list(settings.spacing_mm),
        interpolator=sitk.sitkBSpline,
        padDistance=PAD_VOXELS,
        label=1,
    )
    if fault := thin_roi(mask):
        size = " x ".join(f"{step:g}" for step in settings.spacing_mm)
        raise DataError(
            f"the mask marks {fault} once resampled to {size} mm, texture needs more; leave the patient out"
        )
    return Volume(sitk.Round(image) if settings.rounding == "whole-hu" else image, mask)


def _near_tumour(volume: Volume, settings: Resampling) -> sitk.Image:
    """The part of the image that can change a value; the mask stays whole, for it lays out the grid."""
    voxels = sitk.GetArrayViewFromImage(volume.mask)
    marked = [np.flatnonzero(voxels.max(axis=others)) for others in ((0, 1), (0, 2), (1, 2))]
    spacing, size = volume.image.GetSpacing(), volume.image.GetSize()
    start, stop = [], []
    for axis, index in enumerate(marked):
        reach = int(np.ceil((PAD_VOXELS + 2) * settings.spacing_mm[axis] / spacing[axis])) + SPLINE_REACH_VOXELS
        start.append(max(0, int(index.min()) - reach))
        stop.append(min(size[axis], int(index.max()) + 1 + reach))
    near: sitk.Image = volume.image[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))]
    return near
