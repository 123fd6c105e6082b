"""What several tests of federations share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from small_federation import TinyTrunk


@pytest.fixture(scope="session")
def one_thread() -> Iterator[None]:
    """Networks on one thread: sums in the same order on any number of cores, and no waiting on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def no_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without reports for people, which have tests of their own."""
    for report in ("server.coordinate.write_study_report", "client.federation.answer.write_local_report"):
        monkeypatch.setattr(report, lambda *_, **__: None)


@pytest.fixture
def tiny_trunk(monkeypatch: pytest.MonkeyPatch, one_thread: None, no_pages: None) -> None:
    """A network of milliseconds in place of DenseNet121, everywhere."""
    monkeypatch.setattr("common.network.Trunk", TinyTrunk)
