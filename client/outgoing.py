"""The second wall: the site's policy, applied to every answer after a phase has built it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from client.outgoing_rules import broken_rules
from client.policy import Policy
from common.errors import PolicyError
from common.messages import Arrays, DescribeReply, Letter, RanksReply, Reply, SurvivalReply, TrainingReply
from common.messages.shared import WEIGHTS, DivisionCounts, RankColumns
from common.phases import Phase

METRICS = ("loss", "validation", "test", "test_scores", "validation_scores", "median_score", "by_score", "by_group")
CURVES = ("high", "low")
Withheld = tuple[dict[str, Any], list[str]]
"""Fields that are replaced, and what the answer says of it."""


def check_phase(phase: Phase, policy: Policy, *, epsilon: float, weights: bool) -> None:
    """PolicyError for a phase that the policy does not allow, and for weights without the privacy it asks for."""
    if phase not in policy.allowed_phases:
        raise PolicyError(
            f"{phase}: policy.allowed_phases is {', '.join(policy.allowed_phases)}, so nothing of this phase leaves; "
            "add it in site.toml, or take no part"
        )
    if weights and policy.maximum_epsilon is not None and epsilon > policy.maximum_epsilon:
        promise = "has no differential privacy" if np.isinf(epsilon) else f"spends epsilon {epsilon:g}"
        raise PolicyError(
            f"{phase}: the study {promise}, policy.maximum_epsilon is {policy.maximum_epsilon:g}, so no weights leave; "
            "ask for a study with differential privacy, or change site.toml"
        )


def withheld_or_refused(reply: Reply, policy: Policy, *, epsilon: float) -> Reply:
    """The answer without what the policy withholds, which is noted in it; PolicyError when it may not leave at all.

    `epsilon` is what the study promises, infinite without differential privacy. Nothing here asks how the answer was
    computed.
    """
    check_phase(reply.phase, policy, epsilon=epsilon, weights=bool(reply.array_names & WEIGHTS))
    changes, notes = _withheld(reply, policy)
    kept = type(reply).model_validate(dict(reply) | changes | {"withheld": (*reply.withheld, *notes)})
    if broken := list(broken_rules(kept, policy)):
        raise PolicyError(f"{reply.kind}: {'; '.join(broken)}; the answer is kept back, tell the makers of pdl1es")
    return kept


def kept_to_policy(letter: Letter, policy: Policy, *, epsilon: float, came: Arrays) -> Letter:
    """A letter as `withheld_or_refused` has its answer; `came` are the arrays of the question."""
    if not isinstance(letter.record, Reply):
        raise PolicyError(f"a {letter.record.kind} record is no answer; it is kept back")
    _check_arrays(came, letter)
    return Letter(withheld_or_refused(letter.record, policy, epsilon=epsilon), letter.arrays)


def _check_arrays(asked: Arrays, letter: Letter) -> None:
    """An update is as long as the weights it is of."""
    came, goes = ({name: np.size(value) for name, value in arrays.items()} for arrays in (asked, letter.arrays))
    if isinstance(letter.record, TrainingReply) and goes and came != goes:
        raise PolicyError(f"{letter.record.kind}: the arrays are not as long as those that came; they are kept back")


def _withheld(reply: Reply, policy: Policy) -> Withheld:
    changes: dict[str, Any] = {}
    notes: list[str] = []
    for fields, told in ((METRICS, policy.share_site_metrics), (CURVES, policy.share_survival_curves)):
        for name in fields if not told else ():
            if getattr(reply, name, None) is not None:
                changes[name] = None
                notes.append(f"{name}: the site's policy does not share it")
    small = _small_counts(reply, policy)
    return changes | small[0], notes + small[1]


def _small_counts(reply: Reply, policy: Policy) -> Withheld:
    match reply:
        case DescribeReply():
            return _small_divisions(reply, policy)
        case RanksReply():
            return _small_classes(reply, policy)
        case SurvivalReply() if _small(reply.patients, policy):
            return {"patients": None}, [_note("patients", policy)]
        case _:
            return {}, []


def _small_divisions(reply: DescribeReply, policy: Policy) -> Withheld:
    names = [name for name, part in reply.divisions.items() if _small(part.patients, policy)]
    unknown = {name: DivisionCounts(patients=None, positives=None) for name in names}
    counts = [name for name in ("excluded", "quarantined") if _small(getattr(reply, name), policy)]
    changes: dict[str, Any] = dict.fromkeys(counts)
    return changes | {"divisions": {**reply.divisions, **unknown}}, [_note(name, policy) for name in names + counts]


def _small_classes(reply: RanksReply, policy: Policy) -> Withheld:
    """Rank sums of features with a class so small that they would tell single patients' ranks are emptied."""
    columns = reply.ranks
    told = [
        min(pair) >= policy.least_of_class and sum(pair) >= policy.minimum_count
        for pair in zip(columns.n_positive, columns.n_negative, strict=True)
    ]
    left_out = sum(not one for one in told) - sum(one == (0, 0) for one in _pairs(columns))
    if not left_out:
        return {}, []
    kept = {
        name: tuple(value if one else type(value)() for value, one in zip(getattr(columns, name), told, strict=True))
        for name in RankColumns.model_fields
    }
    note = f"rank sums of {left_out} features: fewer than {policy.least_of_class} patients of a class"
    return {"ranks": RankColumns(**kept)}, [note]


def _pairs(columns: RankColumns) -> Iterator[tuple[int, int]]:
    return zip(columns.n_positive, columns.n_negative, strict=True)


def _small(patients: int | None, policy: Policy) -> bool:
    return patients is not None and 0 < patients < policy.minimum_count


def _note(name: str, policy: Policy) -> str:
    return f"{name}: fewer than {policy.minimum_count} patients"
