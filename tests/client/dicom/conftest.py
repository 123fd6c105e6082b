"""What several tests of DICOM share."""

from __future__ import annotations

from pathlib import Path

import pytest
from dicom_files import CtSeries, write_ct_series


@pytest.fixture
def series(tmp_path: Path) -> CtSeries:
    """A small CT below the folder of the test."""
    return write_ct_series(tmp_path / "ct")
