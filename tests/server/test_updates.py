"""Updates that are too large or empty: named, and left out where the study says so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fake_grid import QUESTION, WEIGHTS, FakeGrid, FakeSite, federation
from flwr.app import RecordDict

from common.errors import PeerError
from common.messages import Arrays, Letter, TrainingReply, encode
from server.exchange import Answered
from server.updates import accepted_updates

pytestmark = pytest.mark.usefixtures("server_task")
ROSTER = ("site-1", "site-2", "site-3", "site-4")
SAME = dict.fromkeys((*ROSTER, "site-9"), 20)
"""Training patients."""
GIANT = {name: value * 0 + 1e30 for name, value in WEIGHTS.items()}


def fits(answer: TrainingReply, arrays: Arrays) -> None:
    """What the training phase checks."""
    if answer.round != 4:
        raise PeerError(f"the answer is for round {answer.round}")
    if {name: value.size for name, value in arrays.items()} != {"parameters": 7, "buffers": 3}:
        raise PeerError("array parameters has another size")


def ask(grid: FakeGrid, **changes: Any) -> Answered[TrainingReply]:
    return grid.exchange(**changes).ask(QUESTION, TrainingReply, check=fits)


def sites(*special: FakeSite) -> FakeGrid:
    """Four sites of the roster, some of them special."""
    named = {site.name: site for site in special}
    return FakeGrid(*(named.pop(name, FakeSite(name)) for name in ROSTER), *named.values())


def sends(content: RecordDict | int | None) -> Any:
    return lambda site, message: content


def letter(record: TrainingReply, arrays: Arrays | None = None) -> RecordDict:
    return encode(Letter(record, WEIGHTS if arrays is None else arrays))


def update(length: float) -> Arrays:
    values = np.full(7, length / 7**0.5, dtype=np.float32)
    return {"parameters": WEIGHTS["parameters"] + values, "buffers": WEIGHTS["buffers"]}


@pytest.mark.parametrize("number", [2, 3, 4])
@pytest.mark.parametrize("verdict", ["refuse", "flag"])
def test_an_update_a_thousand_times_too_large(number: int, verdict: str) -> None:
    updates = {name: update(1 + place / 10) for place, name in enumerate(ROSTER[: number - 1])}
    updates["site-9"] = update(1000)
    taken, refused, flagged = accepted_updates(WEIGHTS, updates, SAME, federation(quorum=1, too_large=verdict))
    named = refused if verdict == "refuse" else flagged
    assert list(named) == ["site-9"]
    assert "times as long as the median" in named["site-9"]
    assert ("site-9" in taken) is (verdict == "flag")
    assert set(taken) >= set(ROSTER[: number - 1])


def test_too_few_honest_updates_stop_the_round() -> None:
    with pytest.raises(PeerError, match=r"1 update\(s\) can be averaged, the quorum is 2 \(site-2: its update"):
        accepted_updates(WEIGHTS, {"site-1": update(1), "site-2": update(1000)}, SAME, federation(quorum=2))


def test_a_site_that_changes_nothing_cannot_have_the_others_refused() -> None:
    updates = {"site-1": update(0), "site-2": update(1)}
    taken, refused, flagged = accepted_updates(WEIGHTS, updates, SAME, federation(quorum=1))
    assert "site-2" in taken
    assert "changes nothing" in (refused | flagged)["site-1"]


def test_one_update_is_taken_and_running_statistics_are_looked_at_too() -> None:
    assert list(accepted_updates(WEIGHTS, {"site-1": update(9)}, SAME, federation(quorum=1))[0]) == ["site-1"]
    updates = {name: update(1) | {"buffers": WEIGHTS["buffers"] * 1.1} for name in ROSTER}
    updates["site-4"] = update(1) | {"buffers": WEIGHTS["buffers"] * 1e6}
    taken, refused, _ = accepted_updates(WEIGHTS, updates, SAME, federation(quorum=1))
    assert list(refused) == ["site-4"]
    assert sorted(taken) == ["site-1", "site-2", "site-3"]


def test_a_large_hospital_is_no_outlier() -> None:
    updates, patients = {"site-1": update(0.2), "site-2": update(2.6)}, {"site-1": 16, "site-2": 400}
    assert set(accepted_updates(WEIGHTS, updates, patients, federation(quorum=1))[0]) == {"site-1", "site-2"}
