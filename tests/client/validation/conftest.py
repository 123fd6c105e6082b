"""A small centre with both cohorts, whose patients share a few scans and differ in their clinical values."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from small_centre import make_centre, small_signature


@pytest.fixture(scope="session")
def signature(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_signature(tmp_path_factory.mktemp("signature"))


@pytest.fixture(scope="session")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_centre(tmp_path_factory.mktemp("centre"))
