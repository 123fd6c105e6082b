"""The page of a run: the report of a site, and beside each number the paper's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from common.report import SECTIONS, Section, write_page
from common.report.figures_discrimination import ForestRow, forest_figure
from common.report.parts import Results, computed
from common.report.words import MODEL_NAMES, counted, listed, plain_name
from simulation.comparison import Comparison, beside_numbers, comparison_rows
from simulation.published import CITATION, DOI, GROUPS

TEMPLATES = Path(__file__).parent / "templates"
TITLE = "The CT signature of PD-L1 expression, beside the paper that described it"
SERIES = ("Paper", "Measured")


def write_report(results: Mapping[str, Any], path: Path) -> None:
    """Write the report of a run, one self-contained HTML file, from the content of its results.json."""
    write_page(
        results,
        path,
        title=TITLE,
        sections=list(_sections()),
        beside=beside_numbers(results),
        templates=[TEMPLATES],
    )


def _sections() -> Iterator[Section]:
    """The sections of every report, with the paper first and what is known of synthetic patients in its place."""
    yield Section("beside", "The paper beside this run", _beside_view, "Beside the paper")
    for name, section in SECTIONS.items():
        yield section
        if name == "redivisions":
            yield Section("truth", "What was written into the patients", _truth_view)


def _beside_view(results: Results) -> Mapping[str, Any] | None:
    rows = comparison_rows(results)
    return {
        "citation": f"{CITATION}, doi:{DOI}",
        "groups": {group: [row for row in rows if row.group == group] for group in GROUPS},
        "notes": list(dict.fromkeys(row.note for row in rows if row.note)),
        "figures": list(_figures(rows)),
    }


def _figures(rows: list[Comparison]) -> Iterator[dict[str, Any]]:
    told = [row for row in rows if row.overlap is not None and row.measured is not None]
    shares = [row for row in told if row.kind == "estimate" and "azard" not in row.quantity]
    ratios = [row for row in told if "azard" in row.quantity]
    for name, chosen, what in (("shares", shares, "AUCs and C-index"), ("ratios", ratios, "Hazard ratios")):
        if chosen:
            title = f"{what}: the paper's intervals beside the measured ones"
            lines = [ForestRow(_label(row.quantity), _estimates(row)) for row in chosen]
            figure = forest_figure(lines, name=name, title=title, series=SERIES, ratios=name == "ratios")
            yield {"title": what, "figure": figure, "sentence": _sentence(chosen, ratios=name == "ratios")}


def _label(quantity: str) -> str:
    """The name of a quantity, short enough for the left of a figure."""
    return quantity.removeprefix("Hazard ratio, high to low ").replace(", ", "\n").replace(" with ", "\nwith ")


def _estimates(row: Comparison) -> tuple[tuple[float, float, float] | None, ...]:
    paper = (row.paper, row.paper_ci_low, row.paper_ci_high)
    measured = (row.measured, row.measured_ci_low, row.measured_ci_high)
    return tuple(
        (value, low, high) if value is not None and low is not None and high is not None else None
        for value, low, high in (paper, measured)
    )


def _sentence(rows: list[Comparison], *, ratios: bool) -> str:
    apart = [row.quantity for row in rows if not row.overlap]
    agree = len(rows) - len(apart)
    text = f"{agree} of {counted(len(rows), 'measured interval')} overlap the paper’s"
    text += f"; apart are {listed(apart)}." if apart else "."
    return f"{text} The broken line is {'no difference' if ratios else 'chance'}."


def _truth_view(results: Results) -> Mapping[str, Any] | None:
    observers, correlations = results.get("ideal_observers"), results.get("latent_correlations")
    if not computed(observers) and not computed(correlations):
        return None
    found = {MODEL_NAMES[model]: parts for model, parts in (correlations or {}).items() if model in MODEL_NAMES}
    return {
        "observers": {plain_name(part): value for part, value in (observers or {}).items()},
        "found": found,
        "parts": list(next(iter(found.values()), {})),
        "sentence": _truth_sentence(results, observers or {}),
    }


def _truth_sentence(results: Results, observers: Mapping[str, float]) -> str:
    area = ((results.get("discrimination") or {}).get("pdl1es") or {}).get("test")
    if not observers or not computed(area):
        return ""
    return f"The largest is {max(observers.values()):.2f}; PD-L1ES reached {area['auc']:.2f} on the test patients."
