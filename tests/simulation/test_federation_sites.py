"""Sites that come and go, differ or lie: named, counted, and no reason for the others to lose their work."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from flwr.app import Message
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
