"""How to read the page, and what ran: settings, versions, device and hash."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from common.report.parts import Results
from common.report.words import plain_name


def provenance_view(results: Results) -> Mapping[str, Any] | None:
    """What ran, with what, where and how long."""
    source = results.get("source") or {}
    facts = {
        "Site": results.get("site"),
        "Preset": results.get("preset"),
        "Seed": results.get("seed"),
        "Study, SHA-256": results.get("study_sha256") or "no study file was given, so the paper’s settings",
        "Scores from": f"{source['kind']}, SHA-256 {source['sha256']}" if source else None,
        "Device": results.get("device"),
    }
    return {
        "facts": {name: value for name, value in facts.items() if value is not None},
        "seconds": {plain_name(step): value for step, value in (results.get("seconds") or {}).items()},
        "versions": results.get("versions") or {},
        "settings": list(_flatten(results.get("study") or {})),
    }


def reading_view(results: Results) -> Mapping[str, Any] | None:
    """What the numbers of this page mean; the template chooses by what is shown."""
    return {
        "discrimination": "discrimination" in results,
        "models": len(results.get("discrimination") or ()) > 1,
        "divided": "training" in ((results.get("discrimination") or {}).get("pdl1es") or ()),
        "probability": bool({"calibration", "decision_curves"} & set(results)),
        "survival": "survival" in results,
    }


def _flatten(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{key}.")
        elif isinstance(value, list | tuple) and value and isinstance(value[0], Mapping):
            yield from _flatten({str(place): item for place, item in enumerate(value, start=1)}, f"{prefix}{key}.")
        elif isinstance(value, list | tuple):
            yield prefix + key, ", ".join(map(str, value)) or "none"
        else:
            yield prefix + key, _setting(value)


def _setting(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "not set" if value is None else str(value)
