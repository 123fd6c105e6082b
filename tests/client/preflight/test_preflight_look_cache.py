"""A second check looks at no image again, and sees the same."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from phantoms import tumour_volume, write_volume

from client.extraction_task import Refusal
from client.preflight import look_cache
from client.preflight.look import Look, Task, look
from common.paper_settings import PAPER_RESAMPLING


@pytest.fixture
def task(tmp_path: Path) -> Task:
    image, mask = write_volume(tumour_volume(3), tmp_path, "p")
    return Task(image, mask, PAPER_RESAMPLING, (-1350.0, 150.0))


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[Task]:
    """The tasks whose images were looked at."""
    tasks: list[Task] = []
    monkeypatch.setattr(look_cache, "look", lambda task: tasks.append(task) or look(task))
    return tasks


def known_look(task: Task, cache: Path) -> Look | Refusal:
    return look_cache.known_look((task, look_cache.look_path(task, cache)))


def content(seen: Look | Refusal) -> Any:
    assert isinstance(seen, Look)
    facts = asdict(seen)
    arrays = [facts.pop("detail"), facts["thumbnail"].pop("grey")]
    return facts, [(one.dtype, one.shape, one.tobytes()) for one in arrays]


def test_what_was_seen_is_found_again_as_it_was(task: Task, looked: list[Task], tmp_path: Path) -> None:
    first, second = (known_look(task, tmp_path / "cache") for _ in range(2))
    assert looked == [task]
    assert content(first) == content(second) == content(look(task))


def test_other_content_settings_and_damage_are_looked_at(task: Task, looked: list[Task], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    known_look(task, cache)
    window = replace(task, window_hu=(-1000.0, 400.0))
    stock = replace(task, resampling=PAPER_RESAMPLING.model_copy(update={"rounding": "truncate"}))
    known_look(window, cache)
    known_look(stock, cache)
    assert looked == [task, window, stock]
    (file,) = [one for one in cache.glob("looks/*.npz") if one == look_cache.look_path(task, cache)]
    file.write_bytes(file.read_bytes()[:-300])
    known_look(task, cache)
    write_volume(tumour_volume(4), tmp_path, "p")
    known_look(task, cache)
    assert len(looked) == 5


def test_what_changed_under_its_name_is_not_remembered_as_what_it_was(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = look_cache.look_path(task, tmp_path / "cache")
    write_volume(tumour_volume(4), tmp_path, "p")
    assert isinstance(look_cache.known_look((task, path)), Look)
    assert not (tmp_path / "cache").exists()


def test_a_refusal_is_given_anew_and_a_cache_that_takes_nothing_does_no_harm(task: Task, tmp_path: Path) -> None:
    gone = replace(task, image=tmp_path / "none.nii.gz")
    refused = known_look(gone, tmp_path / "cache")
    assert isinstance(refused, Refusal) and "no such file" in refused.reason
    assert isinstance(known_look(replace(task, mask=task.image), tmp_path / "cache"), Refusal)
    assert not (tmp_path / "cache").exists()
    (tmp_path / "file").write_text("")
    assert np.array_equal(np.asarray(content(known_look(task, tmp_path / "file"))[0]["size"]), (44, 40, 20))
