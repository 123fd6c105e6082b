"""What the report shows of survival: for each score the curves, the numbers and the search of the cut-off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.report.figures_survival import search_figure, survival_figure
from common.report.parts import Results, computed, computed_parts, look_up, reason, reasons
from common.report.survival_rows import RULES, survival_rows
from common.report.view_cox import cox_view, variables_view
from common.report.words import GROUP_NAMES, SCORE_NAMES, against_one, counted, days, estimate, listed, p_phrase


def survival_view(results: Results) -> Mapping[str, Any] | None:
    """The scores, the clinical variables and the Cox models; None when the results have nothing of survival."""
    parts = results.get("survival")
    if parts is None:
        return None
    scores = [] if reason(parts) else [_score(score, parts[score]) for score in SCORE_NAMES if score in parts]
    return {
        "missing": [reason(parts)] if reason(parts) else [],
        "scores": scores,
        "variables": variables_view(results),
        "cox": cox_view(results),
    }


def _score(score: str, groups: Any) -> dict[str, Any]:
    there = {group: part for group, part in computed_parts(groups).items() if group in GROUP_NAMES}
    whole = there.get("all", {})
    return {
        "score": score,
        "name": SCORE_NAMES[score],
        "missing": reasons(groups, GROUP_NAMES),
        "groups": list(there),
        "figures": [_figure(score, group, part) for group, part in there.items() if "curves" in part],
        "rows": survival_rows(score, there),
        "search": _search(score, whole),
        "fitted": _fitted(whole),
    }


def _figure(score: str, group: str, part: Mapping[str, Any]) -> dict[str, Any]:
    title = f"Kaplan-Meier curves of progression-free survival, low and high {SCORE_NAMES[score]}: {GROUP_NAMES[group]}"
    return {
        "group": group,
        "figure": survival_figure(part["curves"], name=f"{score}-{group}", title=title),
        "sentence": _curve_sentence(part),
    }


def _curve_sentence(part: Mapping[str, Any]) -> str:
    corrected = part.get("p_search_corrected")
    ratio = part["hazard_ratio"]
    text = (
        f"{part['n_high']} of {counted(part['n'], 'patient')} are high. Median {_median(part['median_high'])} in the "
        f"high group, {_median(part['median_low'])} in the low one; hazard ratio {estimate(ratio)}: "
        f"{against_one(part['ci_low'], part['ci_high'])}. Log-rank {p_phrase(part['logrank_p'])}"
    )
    return text + (f", corrected for the search {p_phrase(corrected)}." if corrected is not None else ".")


def _median(value: float | None) -> str:
    return "not reached" if value is None else f"{days(value)} days"


def _search(score: str, part: Mapping[str, Any]) -> dict[str, Any] | None:
    search = part.get("search")
    if not computed(search) or not search["cutoffs"]:
        return None
    title = f"Search of the cut-off of {SCORE_NAMES[score]}: log-rank statistic at each one tried"
    tried, largest = len(search["cutoffs"]), max(search["statistics"])
    sentence = (
        f"{counted(tried, 'cut-off')} tried, at least {search['minimum_share']:.0%} of the patients on each side; the "
        f"statistic is largest at {part['cutoff']:.3g}, {largest:.2f}. As if it had not been searched for, "
        f"{p_phrase(part['p_naive'])}; corrected for the search, {p_phrase(part['p_search_corrected'])}."
    )
    figure = search_figure(search, cutoff=part["cutoff"], name=score, title=title)
    return {"figure": figure, "sentence": sentence}


def _fitted(part: Mapping[str, Any]) -> str:
    """How much of the C-index is left on patients that the model was not fitted on."""
    held_out = part.get("c_index_cross_validated")
    if held_out is None:
        return ""
    return (
        f"This model was fitted on the patients it divides, so its numbers flatter it: the C-index is "
        f"{part['c_index']:.2f} on them and {held_out:.2f} when fitted and judged on different patients."
    )


def survival_methods(results: Results) -> str:
    """How the cut-offs of this page came about, as the results say."""
    rules = {score: look_up(results, f"survival.{score}.all.cutoff_rule") for score in SCORE_NAMES}
    said = [f"{SCORE_NAMES[score]} {RULES.get(rule, rule)}" for score, rule in rules.items() if isinstance(rule, str)]
    return f"Cut-offs: {listed(said)}." if said else ""
