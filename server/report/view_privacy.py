"""What the report shows of privacy: what is promised, what that covers, and what each site says it has spent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from common.privacy_coverage import promise_text
from common.report.parts import Results
from server.report.parts import Part, known, missing_part, taking_part

LARGEST_TOLD = 10.0
"""Epsilon beyond which the factor of odds is a number that reassures nobody."""
NO_PROMISE = (
    "No differential privacy is promised: the weights may tell whether a patient was trained on, and nothing below "
    "carries noise."
)


def privacy_view(results: Results) -> Mapping[str, Any]:
    """The promise, a row a kind of number, and a row a site with what it has spent."""
    told = results.get("privacy")
    if missing := missing_part(told):
        return {"missing": missing}
    told = told or {}
    promised = told.get("promised")
    return {
        "missing": [],
        "promise": _promise(promised) if promised else NO_PROMISE,
        "rows": [_row(one) for one in told.get("coverage") or ()],
        "spent": _spent(results, told) if promised else [],
        "untold": _untold(results, told, promised) if promised else "",
    }


def _promise(promised: Part) -> str:
    epsilon, delta = promised["epsilon"], promised["delta"]
    factor = (
        f"a factor of {math.exp(epsilon):.3g}"
        if epsilon <= LARGEST_TOLD
        else "a factor so large that the promise says next to nothing"
    )
    return (
        f"Promised is {promise_text(epsilon=epsilon, delta=delta)}: from what is covered, the odds of a guess whether "
        f"somebody was trained on change by {factor} at most, but for a chance of {delta:g}. Each site chooses its "
        "noise by its number of training patients, and gives nothing that would go beyond."
    )


def _row(one: Part) -> dict[str, str]:
    what = str(one["what"])
    return {
        "phase": str(one["phase"]).capitalize(),
        "what": what[:1].upper() + what[1:],
        "verdict": str(one["verdict"]),
        "why": str(one["why"]),
    }


def _spent(results: Results, told: Part) -> list[dict[str, str]]:
    """Sites that took part, and what they said last."""
    spent = told.get("spent") or {}
    names = [*taking_part(results), *(site for site in spent if site not in taking_part(results))] if spent else []
    return [{"name": site, "epsilon": f"{spent[site]:.3f}" if site in spent else "not told"} for site in names]


def _untold(results: Results, told: Part, promised: Part) -> str:
    if told.get("spent"):
        return ""
    why = (
        "Under secure aggregation no site tells the server what it has spent"
        if known(results, "study.federation.secure_aggregation")
        else "No site told what it has spent"
    )
    return f"{why}; the promise of epsilon {promised['epsilon']:g} holds for each, and its own ledger says how much."
