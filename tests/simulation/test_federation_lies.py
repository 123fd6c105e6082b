"""A site that tells what cannot be is named, and does not end the study of the others."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, Message
from small_federation import federation

from simulation.federation.grid import InProcessGrid


def record_of(message: Message) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(str(message.content["record"]["json"]))
    return found


Lie = Callable[[dict[str, Any]], None]


def lying(kind: str, lie: Lie) -> type[InProcessGrid]:
    """Sites of which site-3 tells something else than it computed."""

    class Lies(InProcessGrid):
        def _answer(self, message: Message) -> Message:
            reply = super()._answer(message)
            site = self._nodes[message.metadata.dst_node_id]
            if site == "site-3" and message.metadata.message_type == f"query.{kind}":
                record = record_of(reply)
                # validation is not asked for in every round
                if record.get("validation", ()) is not None:
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
    asked = str(kind == "alone").lower()
    small = federation(tmp_path, 3, quorum="2", cutoff="0.3", cross_site=asked)
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
