"""Whether a CT says of itself that it was made by a computer."""

from __future__ import annotations

from pathlib import Path

import SimpleITK as sitk

MARK = "SYNTHETIC"
"""How the description in the header of a synthetic NIfTI file begins."""


def is_synthetic(image: Path) -> bool:
    """Whether the header of a CT carries the mark that `pdl1es-sim cohort` writes into every file."""
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(image))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        return False
    return bool(reader.HasMetaDataKey("descrip") and reader.GetMetaData("descrip").startswith(MARK))
