"""One exchange of the training, and the step that the server takes with the weights it brings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.messages import Arrays
from server.aggregation import ServerOptimizer, aggregate
from server.study_run import StudyRun


@dataclass(frozen=True)
class Planned:
    """One exchange of the training: a round, or at the end of a stage a judgement of its last weights."""

    stage: int
    round: int
    first_epoch: int
    epochs: int


def take_step(
    run: StudyRun,
    planned: Planned,
    facts: dict[str, Any],
    updates: Mapping[str, Arrays],
    patients: Mapping[str, int],
) -> None:
    """The next weights from these updates, by the study's aggregation; a sum over sites is one update."""
    optimizer = ServerOptimizer(facts["optimizer_steps"], dict(run.state.arrays.get("moments", {})))
    weights = run.state.arrays["current"]
    run.state.put("current", aggregate(weights, updates, patients, run.federation, optimizer))
    if optimizer.moments:
        run.state.put("moments", optimizer.moments)
    facts.update(weights_round=planned.round, judged=False, optimizer_steps=optimizer.steps)
