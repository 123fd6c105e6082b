"""What the report shows of the selection: the test over all sites, and the features with the smallest p."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.report.parts import Results
from common.report.words import counted
from server.report.parts import curly, known, missing_part, roster, these_sites

SHOWN_FEATURES = 20


def features_view(results: Results) -> Mapping[str, Any]:
    """The radiomic features that were chosen, those with the smallest p first; for the template of every report."""
    features = results.get("selected_features")
    if missing := missing_part(features):
        return {"missing": missing}
    ranked = sorted(features or (), key=lambda feature: float(feature["p_value"]))
    return {"missing": [], "features": ranked[:SHOWN_FEATURES], "sentence": _sentence(results, len(ranked))}


def _sentence(results: Results, number: int) -> str:
    sites, test = known(results, "selection.sites") or [], known(results, "selection.test")
    limit, correlation = (known(results, f"study.{key}") for key in ("selection.p_value", "federation.correlation"))
    text = f"{counted(number, 'feature')} chosen on the training patients of {these_sites(sites, roster(results))}"
    text += f" by a rank test ({curly(test)})" if test else ""
    text += " on noised ranks" if known(results, "study.privacy.statistics") == "noised" else ""
    text += f", p below {limit:g}" if isinstance(limit, int | float) else ""
    if isinstance(correlation, int | float) and correlation < 1:
        text += f", of features correlated above {correlation:g} only the one with the smallest p"
    return f"{text}. The {SHOWN_FEATURES} with the smallest p:" if number > SHOWN_FEATURES else f"{text}."
