"""What becomes of the only patient below a folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_files import CtSeries, ball_contours, write_ct_series, write_rtstruct

from client.dicom import Converted, DicomError, convert, read_tree


def converted(root: Path, *, roi: str | None = None) -> Converted:
    """What the only patient is made into."""
    (files,) = read_tree(root, jobs=1).patients.values()
    return convert(files, roi=roi)


def marked(found: Converted) -> np.ndarray:
    """Voxels (z, y, x) of the mask."""
    return sitk.GetArrayFromImage(found.volume.mask) > 0


def refused(root: Path, *, roi: str | None = None) -> str:
    """The one line with which the only patient is refused."""
    with pytest.raises(DicomError) as caught:
        converted(root, roi=roi)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def with_structure(root: Path, **options: object) -> CtSeries:
    """Write a CT with the contours of its ball, the options being those of `write_ct_series`."""
    series = write_ct_series(root / "ct", **options)  # type: ignore[arg-type]
    write_rtstruct(root / "rs.dcm", series, {"GTV-1": ball_contours(series)})
    return series
