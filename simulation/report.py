"""The page a person reads: everything in it comes from results.json and from what the paper published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from common.atomic import write_text
from simulation import published
from simulation.comparison import Comparison, comparison_rows, with_interval
from simulation.evaluation import DIVISIONS
from simulation.figures import MODEL_NAMES, all_figures
from simulation.published import PUBLISHED

TEMPLATES = Path(__file__).parent / "templates"
SHOWN_FEATURES = 15


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


def _estimate(part: Mapping[str, Any], name: str = "auc", interval: str = "ci") -> str:
    if "not_computed" in part:
        return "not computed"
    return with_interval("estimate", part[name], part[f"{interval}_low"], part[f"{interval}_high"])


def _days(part: Mapping[str, Any], name: str) -> str:
    return with_interval("days", part[name], part[f"{name}_ci_low"], part[f"{name}_ci_high"])


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
