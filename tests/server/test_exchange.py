"""Sites that are late, lost, broken or dishonest: each is named, and none loses a round that the others finished."""

from __future__ import annotations

from typing import Any

import pytest
from fake_grid import QUESTION, WEIGHTS, FakeGrid, FakeSite, good
from flwr.app import RecordDict

from common.errors import DataError, PeerError
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


def test_all_answer_and_nobody_waits() -> None:
    grid = sites()
    answered = ask(grid)
    assert sorted(answered.answers) == list(ROSTER)
    assert not answered.missing
    assert grid.now == 0
    assert answered.bytes_received >= 4 * 10 * 4
    assert list(answered.records()) == list(ROSTER)


def test_a_late_site_is_waited_for() -> None:
    grid = sites(FakeSite("site-2", takes=59), FakeSite("site-3", comes=40))
    answered = ask(grid)
    assert sorted(answered.answers) == list(ROSTER)
    assert 59 <= answered.seconds < 61


def test_a_site_that_never_answers_is_named_after_the_deadline() -> None:
    grid = sites(FakeSite("site-2", [sends(None)]))
    answered = ask(grid)
    assert answered.missing == {"site-2": "no answer within 60 s"}
    assert sorted(answered.answers) == ["site-1", "site-3", "site-4"]
    assert 60 <= answered.seconds < 62
    assert len(grid.sites[11].asked) == 1


def test_a_site_that_keeps_silent_costs_one_deadline() -> None:
    grid = sites(FakeSite("site-4", answers=[lambda *_: None, lambda *_: None, good]))
    exchange = grid.exchange()
    for seconds in (60, 0):
        began = grid.now
        assert set(exchange.ask(QUESTION, TrainingReply).missing) == {"site-4"}
        assert grid.now - began == pytest.approx(seconds, abs=2)
    assert set(exchange.ask(QUESTION, TrainingReply).answers) == set(ROSTER)


def test_a_site_that_is_never_there_is_waited_for_once() -> None:
    grid = sites(FakeSite("site-2", comes=1e9))
    exchange = grid.exchange()
    first = exchange.ask(QUESTION, TrainingReply, check=fits)
    assert first.missing == {"site-2": "not connected"}
    assert first.seconds >= 60
    second = exchange.ask(QUESTION, TrainingReply, check=fits)
    assert second.missing == {"site-2": "not connected"}
    assert second.seconds == 0


def test_a_site_that_comes_back_takes_part_again() -> None:
    grid = sites(FakeSite("site-2", comes=100))
    exchange = grid.exchange()
    assert "site-2" in exchange.ask(QUESTION, TrainingReply).missing
    grid.now = 200
    again = exchange.ask(QUESTION, TrainingReply)
    assert not again.missing
    assert again.seconds == 0


def test_without_the_quorum_the_grace_is_waited_for() -> None:
    silent = [FakeSite(name, [sends(None)]) for name in ("site-2", "site-3")]
    grid = sites(*silent, FakeSite("site-4", takes=80))
    answered = ask(grid, quorum=2)
    assert sorted(answered.answers) == ["site-1", "site-4"]
    assert 80 <= answered.seconds < 90


def test_below_the_quorum_everybody_is_named() -> None:
    grid = sites(*(FakeSite(name, [sends(None)]) for name in ROSTER[1:]))
    with pytest.raises(PeerError, match=r"training: 1 site\(s\) answered, the quorum is 2") as refused:
        ask(grid)
    assert all(f"{name}: no answer within 60 s" in str(refused.value) for name in ROSTER[1:])
    assert "--resume" in str(refused.value)
    assert refused.value.exit_code == 3
    assert 90 <= grid.now < 92


def test_a_quorum_out_of_reach_is_not_waited_for() -> None:
    no = sends(encode_fault(fault_of(DataError("patient P0001"))))
    grid = sites(*(FakeSite(name, [no]) for name in ROSTER[1:]))
    with pytest.raises(PeerError, match="its log says why") as refused:
        ask(grid)
    assert grid.now == 0
    assert "P0001" not in str(refused.value)


def test_an_answer_counts_once() -> None:
    grid = sites()
    grid.again = True
    answered = ask(grid)
    assert sorted(answered.answers) == list(ROSTER)
    assert len(answered.remarks) == 4
    assert answered.remarks[0] == "site-1 answered twice; the first answer counts"


def test_a_program_that_failed_is_asked_again() -> None:
    grid = sites(FakeSite("site-2", [sends(2), sends(3), good]))
    answered = ask(grid)
    assert sorted(answered.answers) == list(ROSTER)
    assert grid.sites[11].asked == [0, 5, 10]


def test_a_program_that_fails_for_ever_is_given_up() -> None:
    grid = sites(FakeSite("site-2", [sends(2)]), FakeSite("site-3", [sends(99)]))
    answered = ask(grid)
    assert answered.missing == {
        "site-2": "its program failed (code 2), asked 5 times",
        "site-3": "it could not be reached (code 99), asked 5 times",
    }
    assert len(grid.sites[11].asked) == 5
    assert answered.seconds < 60


def test_a_site_that_fails_and_leaves_is_named_with_its_failure() -> None:
    answered = ask(sites(FakeSite("site-2", [sends(5)], goes=3)))
    assert answered.missing == {"site-2": "it went away (code 5)"}
    assert answered.seconds >= 60


def test_a_site_that_leaves_while_it_is_asked_is_asked_again() -> None:
    grid = sites(FakeSite("site-2", unreachable=2), FakeSite("site-3", unreachable=99))
    answered = ask(grid)
    assert sorted(answered.answers) == ["site-1", "site-2", "site-4"]
    assert grid.sites[11].asked == [10]
    assert answered.missing == {"site-3": "it went away (code 5), asked 5 times"}


def breaks(*_: Any) -> RecordDict:
    raise ValueError("an object of the message is not what its name says")


def test_a_message_that_flower_cannot_read_names_its_site() -> None:
    grid = sites(FakeSite("site-2", [breaks]), FakeSite("site-3", [breaks, good]))
    answered = ask(grid)
    assert sorted(answered.answers) == ["site-1", "site-3", "site-4"]
    assert answered.missing == {"site-2": "its message was lost (code 3), asked 5 times"}


def test_a_question_that_is_too_large_stops_the_run_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    grid = sites()
    monkeypatch.setattr(grid, "push_messages", lambda _: [])
    with pytest.raises(PeerError, match="takes no message of this size"):
        ask(grid)


def test_a_node_of_another_name_gets_nothing() -> None:
    grid = sites(FakeSite("site-5"), FakeSite(""), FakeSite("SITE-1"))
    answered = ask(grid)
    assert sorted(answered.answers) == list(ROSTER)
    assert not any(site.asked for site in grid.sites.values() if site.name not in ROSTER)


def test_only_those_who_are_asked_are_asked() -> None:
    grid = sites()
    answered = grid.exchange().ask(QUESTION, TrainingReply, sites={"site-1", "site-3"})
    assert sorted(answered.answers) == ["site-1", "site-3"]
    assert not grid.sites[11].asked
