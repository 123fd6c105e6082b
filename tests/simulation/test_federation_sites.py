"""Sites that come and go, differ or lie: named, counted, and no reason for the others to lose their work."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, Message
from small_federation import SmallFederation, federation

from common.errors import PeerError
from simulation.federation.grid import Fate, InProcessGrid


def record_of(message: Message) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(str(message.content["record"]["json"]))
    return found


def away(site: str, **when: Any) -> Fate:
    """A site that does not answer the questions in which these values stand."""

    def there(name: str, message: Message) -> bool:
        record = record_of(message) | {"kind": message.metadata.message_type}
        return name != site or any(record.get(key) != value for key, value in when.items())

    return there


def hurried(small: SmallFederation) -> SmallFederation:
    """On a clock on which every look takes ten minutes."""
    ticks = count()
    small.clock = lambda: 600.0 * next(ticks)
    return small


def events(small: SmallFederation) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (small.server / "events.jsonl").read_text().splitlines()]


def test_a_site_that_misses_a_round_is_named_and_takes_part_again(tmp_path: Path, tiny_trunk: None) -> None:
    small = hurried(federation(tmp_path, 3, there=away("site-2", round=1)))
    results = small.start()
    assert [line["sites"] for line in results["training"]["history"]] == [
        ["site-1", "site-2", "site-3"],
        ["site-1", "site-3"],
        ["site-1", "site-2", "site-3"],
    ]
    assert results["sites"]["site-2"]["rounds_missed"] == [1]
    assert results["sites"]["site-1"]["rounds_missed"] == []
    assert [one["site"] for one in events(small) if one["event"] == "missing"] == ["site-2"]
    assert any("site-2 is missing: no answer within 3600 s" in line for line in small.said)


def test_below_the_quorum_the_run_stops_and_can_be_resumed(tmp_path: Path, tiny_trunk: None) -> None:
    whole = federation(tmp_path / "whole", 2, quorum="2")
    expected = whole.start()["signature"]
    small = hurried(federation(tmp_path / "stopped", 2, quorum="2", there=away("site-2", round=2)))
    with pytest.raises(PeerError, match=r"training: 1 site\(s\) answered, the quorum is 2") as stopped:
        small.start()
    assert stopped.value.exit_code == 3
    assert not (small.server / "results.json").exists()
    small.there = lambda *_: True
    assert small.start()["signature"] == expected


def test_a_site_that_comes_late_takes_part_from_then_on(tmp_path: Path, tiny_trunk: None) -> None:
    small = federation(tmp_path, 3)

    class Late(InProcessGrid):
        def get_nodes(self) -> Any:
            return [node for node in super().get_nodes() if node.name != "site-3" or self._pushed > 8]

    small.grid_type = Late
    results = hurried(small).start()
    assert results["sites"]["site-3"]["took_part"]
    assert 0 in results["sites"]["site-3"]["rounds_missed"]
    assert "site-3" in results["training"]["history"][-1]["sites"]


def test_a_site_with_other_code_takes_no_part_until_it_is_mended(
    tmp_path: Path, tiny_trunk: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = federation(tmp_path, 3, quorum="2")
    grid = small.grid_type

    class Differs(InProcessGrid):
        def _answer(self, message: Message) -> Message:
            with monkeypatch.context() as patch:
                if self._nodes[message.metadata.dst_node_id] == "site-3":
                    patch.setattr("client.federation.describe.code_sha256", lambda: "f" * 64)
                return super()._answer(message)

    small.grid_type, small.there = Differs, away("site-2", kind="query.survival")
    with pytest.raises(PeerError, match="survival"):
        hurried(small).start()
    state = json.loads((small.server / "state" / "state.json").read_text())["facts"]
    assert all("site-3" not in line["answered"] for line in state["rounds"])
    assert "the installed code differs" in state["rounds"][0]["missing"]["site-3"]
    small.grid_type, small.there = grid, lambda *_: True
    results = small.start()
    assert "site-3" in results["rounds"][-1]["answered"]


def reply_is_meant(reply: Message, kind: str) -> bool:
    """Whether the reply has what is lied about: validation is not asked for in every round."""
    return kind != "training" or record_of(reply)["validation"] is not None


Lie = Callable[[dict[str, Any]], None]


def lying(kind: str, lie: Lie) -> type[InProcessGrid]:
    """Sites of which site-3 tells something else than it computed."""

    class Lies(InProcessGrid):
        def _answer(self, message: Message) -> Message:
            reply = super()._answer(message)
            site = self._nodes[message.metadata.dst_node_id]
            if site == "site-3" and reply_is_meant(reply, kind) and message.metadata.message_type == f"query.{kind}":
                record = record_of(reply)
                lie(record)
                reply.content["record"]["json"] = json.dumps(record)
            return reply

    return Lies


def put(value: Any, *path: str | int) -> Lie:
    def lie(record: dict[str, Any]) -> None:
        place: Any = record
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value

    return lie


LIES: dict[str, tuple[str, Lie, bool]] = {
    # kind of answer, what is changed in it, and whether that must be seen
    "no divisions": ("describe", put({}, "divisions"), True),
    "more patients": ("training", put(10_000_000, "patients"), True),
    "no patients": ("training", put(0, "patients"), True),
    "infinite loss": ("training", put(1e308, "loss"), True),
    "more pairs than there are": ("training", put(1e9, "validation", "concordant_pairs"), True),
    "huge means": ("statistics", put(1e100, "radiomics", "mean", 0), False),
    "a negative spread": ("statistics", put(-1e100, "radiomics", "m2", 0), True),
    "fewer columns": ("statistics", put([1.0], "clinical", "m2"), True),
    "fewer counts": ("statistics", put([1], "clinical", "n"), True),
    "a column beside": ("statistics", put([0.0], "radiomics", "mean_rest"), True),
    "more than all pairs": ("ranks", put(1e100, "ranks", "u", 0), True),
    "negative ties": ("ranks", put(-1e100, "ranks", "tie_term", 0), True),
    "fewer ranks": ("ranks", put([1.0], "ranks", "u"), True),
    "unknown features": ("alone", put("other", "preparation", "radiomic_features", 0), True),
    "scores that contradict": ("evaluation", put([1, 2, 3], "test_scores", "positive"), True),
    "falling edges": ("evaluation", put([9.0, 1.0], "validation_scores", "edges"), True),
    "other bins": ("survival", put([0.0, 1.0], "high", "edges"), True),
    "negative events": ("survival", put(-1e100, "high", "events", 0), True),
}


@pytest.mark.parametrize("what", LIES)
def test_one_lying_site_does_not_end_the_study(tmp_path: Path, tiny_trunk: None, what: str) -> None:
    kind, lie, seen = LIES[what]
    small = federation(tmp_path, 3, quorum="2", cutoff="0.3")
    small.grid_type = lying(kind, lie)
    results = small.start()
    assert results["signature"]["weights_sha256"]
    named = [line for line in results["rounds"] if line["kind"] == kind and "site-3" in line["missing"]]
    assert bool(named) is seen
    assert "auc" in results["evaluation"]["federated"]["pooled"]


def test_negative_variances_are_refused(tmp_path: Path, tiny_trunk: None) -> None:
    class Lies(InProcessGrid):
        def _answer(self, message: Message) -> Message:
            reply = super()._answer(message)
            if self._nodes[message.metadata.dst_node_id] == "site-3" and "arrays" in reply.content:
                arrays: Any = reply.content["arrays"]
                buffers = -np.abs(arrays["buffers"].numpy()) - 1
                reply.content["arrays"] = ArrayRecord({**arrays, "buffers": Array(buffers)})
            return reply

    small = federation(tmp_path, 3)
    small.grid_type = Lies
    results = small.start()
    assert all(line["sites"] == ["site-1", "site-2"] for line in results["training"]["history"])
    assert "negative variance" in results["rounds"][3]["missing"]["site-3"]


def test_nothing_of_a_patient_stands_in_the_servers_folder(tmp_path: Path, tiny_trunk: None) -> None:
    small = federation(tmp_path, 2)
    results = small.start()
    texts = {path: path.read_bytes() for path in small.server.rglob("*") if path.is_file()}
    assert {"state.json", "events.jsonl", "results.json", "signature.json"} <= {path.name for path in texts}
    for path, text in texts.items():
        assert b"SECRET-" not in text, path
        assert str(tmp_path).encode() not in text.replace(str(small.server).encode(), b""), path
    assert {"rounds", "sites", "evaluation", "training", "survival", "signature"} <= set(results)
    assert json.loads((small.server / "results.json").read_text()) == json.loads(json.dumps(results))
