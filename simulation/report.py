"""The page a person reads: everything in it comes from results.json and from what the paper published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from common.atomic import write_text
from simulation import published
from simulation.evaluation import DIVISIONS
from simulation.figures import MODEL_NAMES, all_figures
from simulation.published import PUBLISHED, Published

TEMPLATES = Path(__file__).parent / "templates"
SHOWN_FEATURES = 15
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


def write_report(results: Mapping[str, Any], path: Path) -> None:
    """Write the report of a run, one self-contained HTML file, from the content of its results.json."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        count="{:,}".format,
        days=_days,
        estimate=_estimate,
        p_phrase=_p_phrase,
        scientific="{:.1e}".format,
        seconds=_seconds,
        unbroken=_unbroken,
    )
    write_text(path, environment.get_template("report.html.j2").render(r=results, **_view(results)))


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
        paper_text=_with_interval(number.kind, number.value, number.ci_low, number.ci_high),
        measured=measured,
        measured_ci_low=low,
        measured_ci_high=high,
        measured_text="not computed" if reason else _with_interval(number.kind, measured, low, high),
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


def _with_interval(kind: str, value: float | None, low: float | None, high: float | None) -> str:
    text = "not reached" if value is None else _p_value(value) if kind == "p" else FORMATS[kind].format(value)
    if low is None:
        return text
    end = "open" if high is None else FORMATS[kind].format(high)
    return f"{text} ({FORMATS[kind].format(low)} to {end})"


def _estimate(part: Mapping[str, Any], name: str = "auc", interval: str = "ci") -> str:
    if "not_computed" in part:
        return "not computed"
    return _with_interval("estimate", part[name], part[f"{interval}_low"], part[f"{interval}_high"])


def _days(part: Mapping[str, Any], name: str) -> str:
    return _with_interval("days", part[name], part[f"{name}_ci_low"], part[f"{name}_ci_high"])


def _p_value(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "below 0.001"


def _p_phrase(value: float) -> str:
    return f"= {value:.3f}" if value >= 0.001 else "below 0.001"


def _unbroken(text: str) -> str:
    """A line may end before the bracket of an interval and not within it."""
    value, bracket, interval = text.partition(" (")
    return value + bracket + interval.replace(" ", "\N{NO-BREAK SPACE}")


def _seconds(value: float) -> str:
    if value < 90:
        return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"
    return f"{value / 60:.1f} min" if value < 5400 else f"{value / 3600:.1f} h"


def _view(results: Mapping[str, Any]) -> dict[str, Any]:
    rows = comparison_rows(results)
    survival = results["survival"]["pdl1es"]["all"]
    test = {model: results["discrimination"][model]["test"] for model in MODEL_NAMES}
    return {
        "published": published,
        "divisions": DIVISIONS,
        "models": MODEL_NAMES,
        "groups": _grouped(rows),
        "notes": list(dict.fromkeys(row.note for row in rows if row.note)),
        "paper": {number.paths[0]: row for number, row in zip(PUBLISHED, rows, strict=True) if len(number.paths) == 1},
        "with_interval": [row for row in rows if row.overlap is not None],
        "test": test,
        "ranked": sorted((model for model in test if "auc" in test[model]), key=lambda model: -test[model]["auc"]),
        "survival": survival,
        "patients": sum(results["cohort"][division] for division in (*DIVISIONS, "immunotherapy")),
        "settings": list(_flatten(results["study"])),
        "features": sorted(results["selected_features"], key=lambda feature: feature["p_value"])[:SHOWN_FEATURES],
        "reasons": _reasons(results["discrimination"]),
        "figures": all_figures(results, [asdict(row) for row in rows]),
    }


def _grouped(rows: list[Comparison]) -> dict[str, list[Comparison]]:
    groups: dict[str, list[Comparison]] = {"Discrimination": [], "Survival under immunotherapy": [], "Patients": []}
    for number, row in zip(PUBLISHED, rows, strict=True):
        survival = number.paths[0].startswith(published.SURVIVAL)
        name = "Patients" if row.kind == "count" else "Survival under immunotherapy" if survival else "Discrimination"
        groups[name].append(row)
    return groups


def _reasons(discrimination: Mapping[str, Any]) -> list[str]:
    return [
        f"{MODEL_NAMES[model]}, {division}: {part['not_computed']}"
        for model, divisions in discrimination.items()
        for division, part in divisions.items()
        if "not_computed" in part
    ]


def _flatten(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{key}.")
        elif isinstance(value, list | tuple) and value and isinstance(value[0], Mapping):
            yield from _flatten({str(place): item for place, item in enumerate(value, start=1)}, f"{prefix}{key}.")
        elif isinstance(value, list | tuple):
            yield prefix + key, ", ".join(map(str, value)) or "none"
        else:
            yield prefix + key, str(value)
