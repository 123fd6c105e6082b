"""Whether slices follow each other at one distance, without a gap and without a double."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from client.dicom.errors import DicomError
from client.dicom.series import Slice

UNEVEN_PART, UNEVEN_MM = 0.01, 0.01
"""Steps between slices may differ by this part of the spacing, or by so many mm where that is more."""
GAP = 1.5
"""A step longer than so many usual steps means that slices are missing."""


def check_steps(slices: Sequence[Slice], heights: np.ndarray) -> None:
    """Raise DicomError unless the positions along the normal (mm, ascending) are evenly spaced."""
    steps = np.diff(heights)
    _check_doubles(slices, heights, steps)
    usual = float(np.median(steps))
    gaps = np.flatnonzero(steps > GAP * usual)
    if len(gaps):
        places = ", ".join(
            f"{max(1, round(steps[one] / usual) - 1)} between {heights[one]:.2f} and {heights[one + 1]:.2f} mm"
            for one in gaps[:3]
        )
        more = f" and at {len(gaps) - 3} more places" if len(gaps) > 3 else ""
        raise DicomError(
            slices[gaps[0]].path.parent,
            f"slices are missing: {places}{more} (usual distance {usual:.4g} mm); send the whole series",
        )
    worst = int(np.abs(steps - usual).argmax())
    if abs(steps[worst] - usual) > max(UNEVEN_MM, UNEVEN_PART * usual):
        raise DicomError(
            slices[worst].path,
            f"the distance to the next slice, between {heights[worst]:.2f} and {heights[worst + 1]:.2f} mm, is "
            f"{steps[worst]:.4g} mm, elsewhere {usual:.4g} mm; send a series with one distance between slices",
        )


def _check_doubles(slices: Sequence[Slice], heights: np.ndarray, steps: np.ndarray) -> None:
    doubles = np.flatnonzero(steps < UNEVEN_MM)
    if len(doubles):
        first = int(doubles[0])
        raise DicomError(
            slices[first].path,
            f"{slices[first + 1].path.name} is another slice at the same position, {heights[first]:.2f} mm "
            f"({len(doubles)} doubled in all); send one reconstruction of one acquisition as a series of its own",
        )
