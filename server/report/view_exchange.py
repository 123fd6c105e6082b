"""What the report shows of the exchange: bytes and seconds by phase, and sites that did not answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from common.report.parts import Results
from common.report.words import counted, seconds
from server.report.parts import Part, data_size, exchanges, known, missing_part

WHAT = {
    "describe": "Who has what: counts of patients, versions",
    "statistics": "Means and spreads of training patients",
    "selection": "Rank sums, and correlations if asked for",
    "training": "Weights there and back, validation sums",
    "evaluation": "Weights; AUCs and binned scores",
    "survival": "Weights; hazard ratios and binned counts",
}


def exchange_view(results: Results) -> Mapping[str, Any]:
    """A row a phase and a row for all; what was odd."""
    rounds = exchanges(results)
    if missing := missing_part(rounds):
        return {"missing": missing}
    phases = list(dict.fromkeys(one["phase"] for one in rounds))
    total = _row("All", "", rounds)
    return {
        "missing": [],
        "sentence": (
            f"{total['sent']} went to the sites and {total['received']} came back in "
            f"{counted(len(rounds), 'exchange')} that took {seconds(total['seconds'])}, waiting and the sites’ own "
            "computing included."
        ),
        "rows": [_row(phase.capitalize(), _what(results, phase), exchanges(results, phase=phase)) for phase in phases],
        "all": total,
        "absences": _absences(rounds),
        "remarks": [remark for one in rounds for remark in one.get("remarks") or ()],
    }


def _what(results: Results, phase: str) -> str:
    if phase == "training" and known(results, "study.privacy.validation") == "withheld":
        return "Weights there and back"
    return WHAT.get(phase, "")


def _row(name: str, what: str, rounds: Sequence[Part]) -> dict[str, Any]:
    sent, received = (sum(one[f"bytes_{way}"] for one in rounds) for way in ("sent", "received"))
    return {
        "name": name,
        "what": what,
        "times": len(rounds),
        "sent": data_size(sent),
        "received": data_size(received),
        "seconds": sum(one["seconds"] for one in rounds),
    }


def _absences(rounds: Sequence[Part]) -> list[dict[str, Any]]:
    """Sites that did not answer, once for each phase and reason."""
    found = Counter(
        (site, one["phase"], str(why)) for one in rounds for site, why in (one.get("missing") or {}).items()
    )
    return [{"site": site, "phase": phase, "why": why, "times": n} for (site, phase, why), n in sorted(found.items())]
