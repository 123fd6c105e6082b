"""Answers that are not what was asked: refused with their site's name, while the others go on."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from fake_grid import QUESTION, WEIGHTS, FakeGrid, FakeSite, reply
from flwr.app import Array, ArrayRecord, ConfigRecord, RecordDict

from common.errors import PeerError
from common.messages import Arrays, Letter, TrainingReply, encode, encode_fault, fault_of
from server.exchange import Answered

pytestmark = pytest.mark.usefixtures("server_task")
ROSTER = ("site-1", "site-2", "site-3", "site-4")
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


def nan_weights() -> RecordDict:
    return letter(reply("site-2"), {**WEIGHTS, "parameters": np.full(7, np.nan, dtype=np.float32)})


def changed_record(**changes: Any) -> RecordDict:
    content = letter(reply("site-2"))
    content["record"]["json"] = json.dumps({**json.loads(str(content["record"]["json"])), **changes})
    return content


def junk_arrays() -> RecordDict:
    content = letter(reply("site-2"))
    content["arrays"] = ArrayRecord({"parameters": Array("float32", (7,), "numpy.ndarray", b"PK\x03\x04junk")})
    return content


STRANGE = {
    "another site's name": (lambda: letter(reply("site-1")), "another site's name"),
    "another study": (lambda: letter(reply("site-2", study_sha256="b" * 64)), "about another study"),
    "another round": (lambda: letter(reply("site-2", round=3)), "for round 3"),
    "another size": (lambda: letter(reply("site-2"), {"parameters": WEIGHTS["buffers"]}), "another size"),
    "no weights": (lambda: letter(reply("site-2"), {}), "another size"),
    "NaN": (nan_weights, "NaN or infinity"),
    "junk": (junk_arrays, "cannot be read"),
    "no record": (RecordDict, "no pdl1es record"),
    "garbage": (lambda: RecordDict({"record": ConfigRecord({"patient": "P0001"})}), "no pdl1es record"),
    "a patient beside": (lambda: changed_record(patient_id="P0001"), "unknown key 'patient_id'"),
    "a loss of nothing": (lambda: changed_record(loss="bad"), "loss = 'bad'"),
    "the question itself": (lambda: encode(QUESTION), "no(t)? .*"),
}


@pytest.mark.parametrize("what", STRANGE)
def test_a_strange_answer_is_refused_and_the_others_go_on(what: str) -> None:
    content, reason = STRANGE[what]
    grid = sites(FakeSite("site-2", [sends(content())]))
    if what == "the question itself":
        reason = "does not fit"
    answered = ask(grid)
    assert sorted(answered.answers) == ["site-1", "site-3", "site-4"]
    assert list(answered.missing) == ["site-2"]
    assert reason in answered.missing["site-2"]
    assert grid.now == 0
    assert len(grid.sites[11].asked) == 1


def test_what_a_site_says_cannot_steer_the_coordinators_screen() -> None:
    hostile = PeerError("\x1b[2J\x1b]0;owned\x07 [/bold] first line\nerror: second line")
    grid = sites(FakeSite("site-2", [sends(encode_fault(fault_of(hostile)))]))
    reason = ask(grid).missing["site-2"]
    assert reason.isprintable()
    assert "second line" in reason


@pytest.mark.parametrize("answer", [MemoryError("no"), ValueError("no"), RuntimeError("no")])
def test_a_check_that_breaks_names_the_site(answer: Exception) -> None:
    """What a site sends must not end the study by an error that nobody foresaw."""

    def breaks(record: TrainingReply, _: Arrays) -> None:
        if record.site == "site-2":
            raise answer

    answered = sites().exchange().ask(QUESTION, TrainingReply, check=breaks)
    assert list(answered.missing) == ["site-2"]
