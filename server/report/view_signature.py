"""What the report shows of the signature: its hash, and what it carries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.report.parts import Results, look_up, reason
from common.report.words import counted
from server.report.parts import exchanges, missing_part

KEPT_SCORES = "scores of validation patients"


def signature_view(results: Results) -> Mapping[str, Any]:
    """Facts of the sealed signature, or why none was sealed."""
    signature = results.get("signature")
    if missing := missing_part(signature):
        return {"missing": missing, "facts": {}}
    signature = signature or {}
    label = look_up(results, "study.cohort.label_tps")
    return {
        "missing": [],
        "facts": {
            "Weights, SHA-256": signature.get("weights_sha256"),
            "Radiomic features": f"{signature.get('radiomic_features') or 0:,}",
            "Positive is": f"TPS of {label:g}% or more" if isinstance(label, int | float) else None,
            "Operating point": _operating_point(results, signature.get("operating_point")),
            "Cut-off of survival": _cutoff(results, signature.get("cutoff")),
        },
    }


def _operating_point(results: Results, point: float | None) -> str:
    if point is not None:
        return (
            f"PD-L1ES of {point:.3f} or more is called positive (Youden, validation patients of all sites, from bins)"
        )
    kept = {
        site
        for one in exchanges(results, phase="evaluation")
        if one.get("model") == "federated"
        for site, notes in (one.get("withheld") or {}).items()
        if any(note.startswith(KEPT_SCORES) for note in notes)
    }
    withheld = f"; {counted(len(kept), 'site')} withheld them" if kept else ""
    return (
        f"none: it is found between bins of validation scores, and the sites’ scores gave no two bins with both "
        f"classes{withheld}"
    )


def _cutoff(results: Results, cutoff: float | None) -> str:
    if cutoff is not None:
        return f"PD-L1ES above {cutoff:.3f} is high"
    return f"none: {reason(look_up(results, 'survival.cutoff')) or 'the study found none'}"
