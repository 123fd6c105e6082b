"""Each number of the paper beside the measured one, and in words how they compare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulation.published import PUBLISHED, Published

FORMATS = {"count": "{:,.0f}", "days": "{:,.0f}", "estimate": "{:.2f}", "p": "{:.3f}"}


@dataclass(frozen=True)
class Comparison:
    """A number of the paper beside the measured one; the texts are for people, `verdict` compares in words."""

    quantity: str
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
    return [_compare(number, results) for number in PUBLISHED]


def _compare(number: Published, results: Mapping[str, Any]) -> Comparison:
    found = [_look_up(results, path) for path in number.paths]
    reason = next((value["not_computed"] for value in found if isinstance(value, Mapping)), None)
    measured = None if reason or None in found else sum(found)
    bounds = [_look_up(results, number.interval + end) for end in ("_low", "_high")] if number.interval else []
    low, high = bounds if bounds and not reason else (None, None)
    overlap = _overlap(number, low, high)
    return Comparison(
        quantity=number.quantity,
        kind=number.kind,
        where=number.where,
        note=number.note,
        paper=number.value,
        paper_ci_low=number.ci_low,
        paper_ci_high=number.ci_high,
        paper_text=with_interval(number.kind, number.value, number.ci_low, number.ci_high),
        measured=measured,
        measured_ci_low=low,
        measured_ci_high=high,
        measured_text="not computed" if reason else with_interval(number.kind, measured, low, high),
        overlap=overlap,
        verdict=f"not computed: {reason}" if reason else _verdict(number, measured, overlap),
    )


def _look_up(results: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted key, or the part on the way that says why it was not computed."""
    value: Any = results
    for key in path.split("."):
        value = value[key]
        if isinstance(value, Mapping) and "not_computed" in value:
            return value
    return value


def _overlap(number: Published, low: float | None, high: float | None) -> bool | None:
    if number.ci_low is None or low is None:
        return None
    infinity = float("inf")
    return low <= (infinity if number.ci_high is None else number.ci_high) and number.ci_low <= (
        infinity if high is None else high
    )


def _verdict(number: Published, measured: float | None, overlap: bool | None) -> str:
    if overlap is not None:
        return "the intervals overlap" if overlap else "the intervals do not overlap"
    if measured is None:
        return "not reached here"
    if number.kind == "count":
        more = round(measured - number.value)
        return "the same" if not more else f"{abs(more):,} {'more' if more > 0 else 'fewer'} than in the paper"
    if number.kind == "p":
        return "both below 0.05" if measured < 0.05 else "below 0.05 in the paper, not here"
    return "no interval to compare"


def with_interval(kind: str, value: float | None, low: float | None, high: float | None) -> str:
    """A number for people with its interval in brackets, in the format of its kind."""
    text = "not reached" if value is None else _p_value(value) if kind == "p" else FORMATS[kind].format(value)
    if low is None:
        return text
    end = "open" if high is None else FORMATS[kind].format(high)
    return f"{text} ({FORMATS[kind].format(low)} to {end})"


def _p_value(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "below 0.001"
