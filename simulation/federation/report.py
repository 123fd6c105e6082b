"""The page of a simulated federation: the study's report, and what federation costs against pooled patients."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common.report import Section
from common.report.parts import Results, computed, reason
from common.report.words import counted, estimate, listed, p_phrase, p_text
from server.report import write_study_report
from server.report.figure_forest import ForestLine, sites_forest
from server.report.parts import area_text, known

TEMPLATES = Path(__file__).parents[1] / "templates"
WITHOUT_NOISE = (
    "The federated model was trained under differential privacy and the others without, so this is what both cost "
    "together."
)
TOGETHER = {"federated": "Federated", "pooled": "Pooled in one place"}


def write_federation_report(results: Results, path: Path) -> None:
    """Write the report of a simulated federation, one self-contained HTML file, from its results.json."""
    write_study_report(results, path, extra=[COSTS], templates=[TEMPLATES])


def costs_view(results: Results) -> Mapping[str, Any]:
    """Local, federated and pooled training on the same test patients; the federated against the pooled one."""
    comparison = results.get("comparison")
    if not computed(comparison) or not comparison:
        return {"missing": [reason(comparison) or "the results have no comparison"]}
    rows = _rows(comparison)
    difference = comparison.get("federated_minus_pooled")
    return {
        "missing": [f"difference: {reason(difference)}"] if reason(difference) else [],
        "figure": _figure(rows) if rows else None,
        "sentence": _ranked(comparison),
        "patients": counted(rows[0]["n"], "test patient") if rows else "the test patients",
        "rows": rows,
        "difference": _difference(difference) if computed(difference) else None,
        "summary": _summary(comparison),
        "privacy": WITHOUT_NOISE if known(results, "privacy.promised") else "",
    }


def _rows(comparison: Mapping[str, Any]) -> list[dict[str, Any]]:
    models = {f"{site} alone": model for site, model in comparison.get("local", {}).items()}
    models |= {name: comparison.get(key) for key, name in TOGETHER.items()}
    areas = {name: (model or {}).get("test") for name, model in models.items()}
    return [
        {"name": name, "together": name in TOGETHER.values(), "text": area_text(area), **area}
        for name, area in areas.items()
        if computed(area)
    ]


def _figure(rows: list[dict[str, Any]]) -> Any:
    lines = [
        ForestLine(row["name"], (row["auc"], row["ci_low"], row["ci_high"]), combined=row["together"]) for row in rows
    ]
    title = "AUC on the test patients of all sites: sites alone, federated, and pooled"
    return sites_forest(lines, name="costs", title=title, axis="AUC")


def _ranked(comparison: Mapping[str, Any]) -> str:
    """How many sites alone the federation beat."""
    federated, local = comparison.get("federated", {}).get("test"), comparison.get("local", {})
    alone = {site: model["test"]["auc"] for site, model in local.items() if computed(model.get("test"))}
    if not computed(federated) or not alone:
        return ""
    above = [f"{site} ({auc:.2f})" for site, auc in alone.items() if auc > federated["auc"]]
    text = (
        f"The federated model’s AUC is above that of {len(alone) - len(above)} of {counted(len(alone), 'site')} alone"
    )
    text += f"; above it is {listed(above)}." if above else "."
    return f"{text} Squares are sites alone, diamonds trainings on all sites’ patients."


def _difference(difference: Mapping[str, Any]) -> dict[str, str]:
    value, low, high = (difference[key] for key in ("difference", "ci_low", "ci_high"))
    shown = "a difference is not shown" if low <= 0 <= high else "the interval excludes 0"
    return {
        "sentence": f"Federated minus pooled: {estimate(value, low, high)}, {p_phrase(difference['p'])}; {shown}.",
        "text": estimate(value, low, high),
        "p": p_text(difference["p"]),
    }


def _summary(comparison: Mapping[str, Any]) -> str:
    """How far the server's AUC, which it has from bins, lies from that of all scores."""
    summary = comparison.get("summary") or {}
    if summary.get("auc") is None or summary.get("error") is None:
        return "The server could not compute an AUC from summaries, so there is no error of it."
    return (
        f"The server, which sees binned scores only, has {summary['auc']:.3f} for the federated model; all scores give "
        f"{summary['auc'] - summary['error']:.3f}. The error of the summaries is {summary['error']:+.3f}."
    )


COSTS = Section("costs", "What federation costs", costs_view, "Costs of federation")
