"""What the report shows of the evaluation: AUCs at the sites and over all, and the sites' own models everywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from common.report.parts import Results, computed, look_up, reason, reasons
from common.report.words import CHANCE, counted, estimate
from server.report.figure_forest import ForestLine, sites_forest
from server.report.parts import Part, area_text, missing_part, roster, taking_part, these_sites

FEDERATED = "federated"
NO_ANSWER = "the site did not answer"
STRONGEST = 0.5
"""Opacity of the shade of an AUC of 0 or 1."""


def evaluation_view(results: Results) -> Mapping[str, Any]:
    """The federated model at every site and over all; the matrix where sites trained alone too."""
    federated = look_up(results, f"evaluation.{FEDERATED}")
    if missing := missing_part(federated):
        return {"missing": missing, "rows": [], "matrix": None}
    sites, pooled = _by_site(results, federated["sites"]), federated.get("pooled")
    told = {site: area for site, area in sites.items() if computed(area)}
    return {
        "missing": reasons(sites) + ([f"AUC over all sites: {reason(pooled)}"] if reason(pooled) else []),
        "figure": _figure(sites, pooled) if told or computed(pooled) else None,
        "sentence": _sentence(told),
        "rows": [{"name": site, **area, "text": area_text(area)} for site, area in told.items()],
        "pooled": {**pooled, "text": area_text(pooled)} if computed(pooled) else None,
        "bounds": _bounds(results, pooled) if computed(pooled) else "",
        "matrix": _matrix(results),
    }


def _by_site(results: Results, areas: Mapping[str, Any]) -> dict[str, Any]:
    """An area of each site that took part, or why there is none."""
    return {site: areas.get(site) or {"not_computed": NO_ANSWER} for site in taking_part(results) or areas}


def _figure(sites: Mapping[str, Any], pooled: Any) -> Any:
    lines = [ForestLine(site, _estimate(area)) for site, area in sites.items()]
    if computed(pooled):
        lines.append(ForestLine("All sites", _estimate(pooled), combined=True))
    return sites_forest(lines, name="auc", title="AUC of the federated model at each site and over all", axis="AUC")


def _estimate(area: Any) -> tuple[float, float, float] | None:
    return (area["auc"], area["ci_low"], area["ci_high"]) if computed(area) else None


def _sentence(told: Mapping[str, Part]) -> str:
    if not told:
        return "No site told an AUC."
    includes = [site for site, area in told.items() if area["ci_low"] <= CHANCE <= area["ci_high"]]
    ranked = sorted(told, key=lambda site: -float(told[site]["auc"]))
    best, worst = (f"{told[site]['auc']:.2f} at {site}" for site in (ranked[0], ranked[-1]))
    text = f"From {worst} to {best}" if len(told) > 1 else best
    return f"{text}; {len(includes)} of {counted(len(told), 'interval')} include chance, the broken line."


def _bounds(results: Results, pooled: Part) -> str:
    return (
        f"Over {counted(pooled['n'], 'test patient')} of {these_sites(pooled['sites'], roster(results))} the AUC is "
        f"{area_text(pooled)}. A site tells how its own patients are ordered, and its scores only as counts in bins. "
        f"Pairs of patients of different sites whose bins overlap are therefore estimated: whatever the bins hide, the "
        f"AUC of these patients lies between {estimate(pooled['lowest'])} and {estimate(pooled['highest'])}. "
        "The interval is about other patients, these bounds are about these."
    )


def _matrix(results: Results) -> dict[str, Any] | None:
    """A row a model, a column a site; None when sites did not train alone."""
    models = {name: part for name, part in (results.get("evaluation") or {}).items() if computed(part)}
    alone = [name for name in models if name != FEDERATED]
    if not alone:
        return None
    sites = taking_part(results) or list(models[FEDERATED]["sites"])
    rows = [_matrix_row(name, models[name], sites) for name in (FEDERATED, *alone)]
    absent = [site for site in sites if site not in alone]
    return {"sites": sites, "rows": rows, "absent": these_sites(absent, ()) if absent else ""}


def _matrix_row(name: str, model: Part, sites: Sequence[str]) -> dict[str, Any]:
    cells = [_cell(model["sites"].get(site), own=site == name) for site in sites]
    label = "All sites together" if name == FEDERATED else f"{name} alone"
    return {"name": label, "federated": name == FEDERATED, "cells": cells, "all": _cell(model.get("pooled"))}


def _cell(area: Any, *, own: bool = False) -> dict[str, Any]:
    if not computed(area):
        return {"text": "not told", "interval": "", "style": "", "own": own}
    interval = f"{area['ci_low']:.2f} to {area['ci_high']:.2f}"
    return {"text": estimate(area["auc"]), "interval": interval, "style": _shade(area["auc"]), "own": own}


def _shade(auc: float) -> str:
    """Blue above chance, orange below; light enough for black text."""
    colour = "0, 114, 178" if auc >= CHANCE else "213, 94, 0"
    return f"background: rgba({colour}, {STRONGEST * 2 * abs(auc - CHANCE):.2f})"
