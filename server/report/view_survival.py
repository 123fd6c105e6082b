"""What the report shows of survival: the cut-off, hazard ratios by site and combined, and curves of all sites."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.report.parts import Results, computed, computed_parts, look_up, reason, reasons
from common.report.words import counted, listed, percent
from server.report.effects import EFFECTS, effect_view
from server.report.figure_curves import binned_figure, drawn
from server.report.parts import Part, curly, missing_part, these_sites

GROUPS = ("high", "low")
SEARCH = (
    "The study asks for X-tile’s search, which would need counts at every candidate cut-off and so give single "
    "patients away; the medians stand for it."
)
WISHES = {"xtile": SEARCH, "median": "The study asks for the median of all patients, and sites tell their own only."}
OWN_MEDIANS = "mean of the sites' medians, by patients"


def survival_view(results: Results) -> Mapping[str, Any]:
    """The cut-off in words, an effect by score and one by group, and the curves."""
    survival = results.get("survival")
    if missing := missing_part(survival):
        return {"missing": missing, "effects": [], "curves": None, "cutoff": ""}
    return {
        "missing": [],
        "cutoff": cutoff_sentence(results),
        "effects": [effect_view(survival or {}, name) for name in EFFECTS],
        "curves": _curves((survival or {}).get("curves")),
    }


def cutoff_sentence(results: Results) -> str:
    """Where the cut-off of PD-L1ES comes from."""
    cutoff = look_up(results, "survival.cutoff")
    if not computed(cutoff):
        return f"There is no cut-off: {reason(cutoff) or 'the results have none'}."
    if cutoff["rule"] == "given":
        return f"High is a PD-L1ES above {cutoff['value']:.3f}, a number that the study gives."
    rule, wish = cutoff["rule"], WISHES.get(cutoff.get("asked"), "")
    words = "the mean of the sites’ median scores, each site by its patients" if rule == OWN_MEDIANS else curly(rule)
    text = f"High is a PD-L1ES above {cutoff['value']:.3f}, {words}. {wish}".strip()
    return f"{text} No outcome was looked at, so no p value has to be corrected for a search."


def _curves(parts: Any) -> dict[str, Any]:
    there = {group: curve for group, curve in computed_parts(parts).items() if group in GROUPS}
    title = "Progression-free survival of patients with high and low PD-L1ES, from counts in intervals of days"
    return {
        "missing": reasons(parts) if there or reasons(parts) else missing_part(parts),
        "figure": binned_figure(there, title=title) if drawn(there) else None,
        "sentence": _sentence(there),
        "tables": [{"group": group, "rows": _rows(there[group])} for group in GROUPS if group in there],
    }


def _sentence(curves: Mapping[str, Part]) -> str:
    if not curves:
        return ""
    who = "; ".join(
        f"{group}: {counted(round(curve['at_risk'][0]), 'patient')} of {these_sites(curve['sites'], ())}"
        for group, curve in curves.items()
    )
    text = f"{who[:1].upper()}{who[1:]}. Sites tell how many patients progressed or were censored in intervals of days"
    ends = listed([f"{group} at day {day:g}" for group, day in drawn(curves).items()])
    if ends == "none":
        return f"{text}; with so few patients all days became one interval, so there is no curve to draw."
    return (
        f"{text}, joined until enough leave in each; between the dots a curve is drawn straight. Curves end where the "
        f"last, open interval begins: {ends}."
    )


def _rows(curve: Part) -> list[dict[str, str]]:
    columns = zip(*(curve[key] for key in ("days", "survival", "ci_low", "ci_high", "at_risk")), strict=True)
    return [
        {
            "day": f"{day:,.0f}",
            "survival": f"{percent(share)} ({percent(low)} to {percent(high)})",
            "at_risk": f"{at_risk:,.0f}",
        }
        for day, share, low, high, at_risk in columns
    ]
