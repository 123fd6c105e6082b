"""Each number of the paper beside the measured one, and in words how they compare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.report import Beside
from common.report.parts import look_up, reason
from common.report.survival_rows import RULES
from common.report.words import with_interval
from simulation.published import GROUPS, Published

ABSENT = "not part of these results"
LEVEL = 0.05


@dataclass(frozen=True)
class Comparison:
    """A number of the paper beside the measured one; the texts are for people, `verdict` compares in words."""

    quantity: str
    group: str
    kind: str
    where: str
    note: str
    paper: float
    paper_ci_low: float | None
    paper_ci_high: float | None
    paper_text: str
    measured: float | None
    measured_ci_low: float | None
    measured_ci_high: float | None
    measured_text: str
    overlap: bool | None
    """None when one of the two has no interval."""
    verdict: str


def comparison_rows(results: Mapping[str, Any]) -> list[Comparison]:
    """Each number of the paper beside the measured one, and in words how they compare."""
    return [_compare(number, group, results) for group, numbers in GROUPS.items() for number in numbers]


def beside_numbers(results: Mapping[str, Any]) -> dict[str, Beside]:
    """The paper's numbers for the places of a report where the measured ones stand, by dotted key."""
    rows = comparison_rows(results)
    numbers = [number for group in GROUPS.values() for number in group]
    return {
        number.paths[0]: Beside(row.paper_text, row.verdict, agreement(row))
        for number, row in zip(numbers, rows, strict=True)
        if len(number.paths) == 1 and row.measured_text != "not computed"
    }


def agreement(row: Comparison) -> bool | None:
    """Whether intervals overlap, or p values lie on the same side of 0.05; None where there is no telling."""
    if row.kind == "p" and row.measured is not None:
        return (row.paper < LEVEL) == (row.measured < LEVEL)
    return row.overlap


def _compare(number: Published, group: str, results: Mapping[str, Any]) -> Comparison:
    why = next((found for found in (_missing(results, path) for path in number.paths) if found), "")
    values = [] if why else [look_up(results, path) for path in number.paths]
    measured = None if why or None in values else sum(values)
    low, high = (None, None) if why else _bounds(results, number.interval)
    overlap = _overlap(number, low, high)
    return Comparison(
        quantity=number.quantity,
        group=group,
        kind=number.kind,
        where=number.where,
        note=number.note.format(rule=_rule(results)),
        paper=number.value,
        paper_ci_low=number.ci_low,
        paper_ci_high=number.ci_high,
        paper_text=number.text or with_interval(number.kind, number.value, number.ci_low, number.ci_high),
        measured=measured,
        measured_ci_low=low,
        measured_ci_high=high,
        measured_text="not computed" if why else with_interval(number.kind, measured, low, high),
        overlap=overlap,
        verdict=f"not computed here: {why}" if why else _verdict(number, measured, low, high),
    )


def _missing(results: Mapping[str, Any], path: str) -> str:
    """Why there is no number at a dotted key; a number that is null is there, and was not reached."""
    parent, _, key = path.rpartition(".")
    part = look_up(results, parent)
    why = reason(part) or reason(look_up(results, path))
    return why or ("" if isinstance(part, Mapping) and key in part else ABSENT)


def _rule(results: Mapping[str, Any]) -> str:
    rule = look_up(results, "survival.pdl1es.all.cutoff_rule")
    return RULES.get(rule, rule) if isinstance(rule, str) else "not divided"


def _bounds(results: Mapping[str, Any], interval: str) -> tuple[float | None, float | None]:
    if not interval:
        return None, None
    both = look_up(results, interval)
    if isinstance(both, list | tuple):
        return both[0], both[1]
    return look_up(results, f"{interval}_low"), look_up(results, f"{interval}_high")


def _overlap(number: Published, low: float | None, high: float | None) -> bool | None:
    if number.ci_low is None or low is None:
        return None
    infinity = float("inf")
    return low <= (infinity if number.ci_high is None else number.ci_high) and number.ci_low <= (
        infinity if high is None else high
    )


def _verdict(number: Published, measured: float | None, low: float | None, high: float | None) -> str:
    overlap = _overlap(number, low, high)
    if overlap is not None:
        return "the intervals overlap" if overlap else "the intervals do not overlap"
    if measured is None:
        return "no p value here" if number.kind == "p" else "not reached here"
    if number.kind == "p":
        return _p_verdict(number.value, measured)
    if low is not None:
        within = low <= number.value and (high is None or number.value <= high)
        return "within the interval measured here" if within else "outside the interval measured here"
    return _difference(number, measured)


def _p_verdict(paper: float, measured: float) -> str:
    if paper < LEVEL:
        return "both below 0.05" if measured < LEVEL else "below 0.05 in the paper, not here"
    return "below 0.05 here, not in the paper" if measured < LEVEL else "both not below 0.05"


def _difference(number: Published, measured: float) -> str:
    more = measured - number.value
    size = f"{abs(more):.2f}" if number.kind == "estimate" else f"{abs(more):,.0f}"
    if not size.strip("0."):
        return "the same"
    if number.kind == "count":
        return f"{size} {'more' if more > 0 else 'fewer'} than in the paper"
    return f"{size} {'higher' if more > 0 else 'lower'} here"
