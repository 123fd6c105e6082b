"""What the report shows of the sites: their patients, what they kept to themselves, and with what they ran."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from common.report.parts import Results
from common.report.words import count, counted, listed
from server.report.parts import (
    Part,
    exchanges,
    missing_part,
    patients_of,
    taking_part,
    these_sites,
    total_told,
    training_rounds,
)

DIVISIONS = ("training", "validation", "test", "immunotherapy")


def sites_view(results: Results) -> Mapping[str, Any]:
    """A row a site and a row for all, what was withheld and why, and versions that differ."""
    sites = results.get("sites")
    if missing := missing_part(sites):
        return {"missing": missing}
    sites = sites or {}
    return {
        "missing": [],
        "divisions": DIVISIONS,
        "rows": [_row(name, site) for name, site in sites.items() if site.get("took_part")],
        "all": _all(sites),
        "absent": [{"name": name, "why": _why_absent(results, name)} for name in _absent(sites)],
        "rounds": len(training_rounds(results)),
        "withheld": [{"name": name, "notes": site["withheld"]} for name, site in sites.items() if site.get("withheld")],
        "open": _open(results),
        "versions": list(_versions(results)),
        "same_versions": _same_versions(results),
    }


def _row(name: str, site: Part) -> dict[str, Any]:
    divisions = site.get("divisions") or {}
    return {
        "name": name,
        "cells": [_cell(divisions.get(division), division) for division in DIVISIONS],
        "left_out": [count(site.get(key)) for key in ("excluded", "quarantined")],
        "missed": len(site.get("rounds_missed") or ()),
    }


def _cell(part: Part | None, division: str) -> dict[str, Any]:
    if part is None:
        return {"patients": "unknown", "positives": ""}
    told = part.get("positives")
    if division == "immunotherapy":
        return {"patients": count(part["patients"]), "positives": ""}
    return {"patients": count(part["patients"]), "positives": "withheld" if told is None else f"{told:,}"}


def _all(sites: Mapping[str, Part]) -> dict[str, Any]:
    there = [site for site in sites.values() if site.get("took_part")]
    cells = []
    for division in DIVISIONS:
        told = [((site.get("divisions") or {}).get(division) or {}).get("positives") for site in there]
        known = sum(one for one in told if one is not None)
        whole = division == "immunotherapy" or not there
        text = "" if whole else f"{known:,}" if None not in told else f"{known:,} or more"
        cells.append({"patients": count(sum(patients_of(site, division) for site in there)), "positives": text})
    left_out = [total_told([site.get(key) for site in there]) for key in ("excluded", "quarantined")]
    missed = sum(len(site.get("rounds_missed") or ()) for site in there)
    return {"name": "All", "cells": cells, "left_out": left_out, "missed": missed}


def _absent(sites: Mapping[str, Part]) -> list[str]:
    return [name for name, site in sites.items() if not site.get("took_part")]


def _why_absent(results: Results, site: str) -> str:
    """The last reason that an exchange has for it."""
    reasons = [one["missing"][site] for one in exchanges(results) if site in (one.get("missing") or {})]
    return str(reasons[-1]) if reasons else "no reason was noted"


def _open(results: Results) -> str:
    """Those that told all that they were asked."""
    sites, there = results.get("sites") or {}, taking_part(results)
    told = [name for name in there if not sites[name].get("withheld")]
    return f"Nothing was withheld by {these_sites(told, there)}." if told else ""


def _versions(results: Results) -> Iterator[dict[str, Any]]:
    """Packages of which a site has another version than the server."""
    sites, mine = results.get("sites") or {}, results.get("versions") or {}
    for package, version in mine.items():
        others = {name: (sites[name].get("versions") or {}).get(package) for name in taking_part(results)}
        differing = {name: other for name, other in others.items() if other is not None and other != version}
        if differing:
            by_site = listed([f"{name} {other}" for name, other in differing.items()])
            yield {"package": package, "server": version, "sites": by_site}


def _same_versions(results: Results) -> str:
    sites = results.get("sites") or {}
    told = [name for name in taking_part(results) if sites[name].get("versions")]
    if not told:
        return "No site told its versions."
    if any(True for _ in _versions(results)):
        return "Versions that differ from the server’s; everything else is the same:"
    return f"{counted(len(told), 'site runs', 'sites run')} the server’s versions, which stand at the end of the page."
