"""The report of a complete run, rendered once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from pages import Page, run_page
from sample_results import sample_results, site_results


@pytest.fixture
def results() -> dict[str, Any]:
    return sample_results()


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return run_page(sample_results(), tmp_path_factory.mktemp("run"))


@pytest.fixture
def evaluated() -> dict[str, Any]:
    return site_results()


@pytest.fixture
def followed() -> dict[str, Any]:
    return site_results(survival=True)
