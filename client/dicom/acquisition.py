"""How a CT was acquired, as text for the table of the cohort."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from client.dicom.series import Slice


def acquisition_of(slices: Sequence[Slice]) -> dict[str, str]:
    """Columns manufacturer, convolution_kernel, tube_current_ma (median) and slice_thickness_mm; empty when unknown."""
    file = slices[0].file
    return {
        "manufacturer": file.manufacturer,
        "convolution_kernel": file.kernel,
        "tube_current_ma": _median([one.frame.current for one in slices]),
        "slice_thickness_mm": _median([one.frame.thickness for one in slices]),
    }


def _median(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None and value > 0]
    return f"{median(known):g}" if known else ""
