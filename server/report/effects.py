"""Hazard ratios of sites and what they give together: figure, table and sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from scipy.stats import norm

from common.report.parts import computed, reason, reasons
from common.report.words import against_one, counted, p_phrase
from server.report.figure_forest import ForestLine, sites_forest
from server.report.parts import ABSENT, Part, hazard_ratio, ratio_text

EFFECTS = {
    "by_group": ("High against low PD-L1ES", "Hazard ratio, high to low"),
    "by_score": ("PD-L1ES as a number", "Hazard ratio per log-odds"),
}
MODELS = {"fixed": "Fixed effect", "random": "Random effects", "knapp_hartung": "Knapp-Hartung"}
MARGIN = float(norm.ppf(0.975))


@dataclass(frozen=True)
class Headline:
    """The combined effect that is put into words: its name, and log hazard ratio with interval and p."""

    name: str
    effect: Part


def headline(combined: Any) -> Headline | None:
    """The random effect with the wider of its two intervals, or the one site's; None where there is nothing."""
    if not computed(combined) or not combined:
        return None
    plain, robust = combined["random"], combined.get("knapp_hartung")
    if robust is None:
        return Headline("one site alone", combined["fixed"])
    wider = robust["ci_high"] - robust["ci_low"] >= plain["ci_high"] - plain["ci_low"]
    return Headline("random effects, Knapp-Hartung’s interval", robust) if wider else Headline("random effects", plain)


def why_not(survival: Part, name: str) -> str:
    """Why an effect is not combined, in words for a reader."""
    told = any(computed(site.get(name)) for site in (survival.get("sites") or {}).values())
    why = reason((survival.get("combined") or {}).get(name)) or ABSENT
    return why if told else "no site told a hazard ratio"


def effect_text(effect: Part) -> str:
    """A combined hazard ratio with its interval."""
    return ratio_text(effect["estimate"], effect["ci_low"], effect["ci_high"])


def effect_view(survival: Part, name: str) -> dict[str, Any]:
    """The effect at each site and combined, with figure and table where there are numbers."""
    title, axis = EFFECTS[name]
    by_site = {site: part.get(name) for site, part in (survival.get("sites") or {}).items()}
    combined = (survival.get("combined") or {}).get(name)
    whole = combined if computed(combined) else None
    told = {site: effect for site, effect in by_site.items() if computed(effect)}
    return {
        "name": name,
        "title": title,
        "missing": reasons(by_site) + ([f"over all sites: {why_not(survival, name)}"] if reason(combined) else []),
        "figure": _figure(by_site, whole, name, axis) if told else None,
        "rows": [_row(site, effect, whole) for site, effect in told.items()],
        "combined": _combined(whole) if whole else [],
        "sentence": _sentence(combined),
        "spread": _spread(whole) if whole else "",
        "axis": axis,
    }


def _figure(by_site: Mapping[str, Any], whole: Part | None, name: str, axis: str) -> Markup:
    lines = [
        ForestLine(site, _estimate(effect) if computed(effect) else None, _weight(site, whole))
        for site, effect in by_site.items()
    ]
    for model, label in MODELS.items():
        if whole and whole.get(model):
            ends = (hazard_ratio(whole[model][key]) for key in ("estimate", "ci_low", "ci_high"))
            value, low, high = ends
            lines.append(ForestLine(label, (value, low, high), combined=True))
    title = f"{axis}: each site and combined, with 95% intervals"
    return sites_forest(lines, name=f"hazard-{name}", title=title, axis=axis, ratios=True)


def _logs(effect: Part) -> tuple[float, float, float]:
    value, margin = effect["log_hazard_ratio"], MARGIN * effect["standard_error"]
    return value, value - margin, value + margin


def _estimate(effect: Part) -> tuple[float, float, float]:
    value, low, high = (hazard_ratio(one) for one in _logs(effect))
    return value, low, high


def _weight(site: str, whole: Part | None) -> float | None:
    """The weight of a site under random effects, a share."""
    if whole is None or site not in whole["sites"]:
        return None
    return float(whole["weights_random"][list(whole["sites"]).index(site)])


def _row(site: str, effect: Part, whole: Part | None) -> dict[str, Any]:
    events = f"{effect['events']:,} of {effect['n']:,}"
    weight = _weight(site, whole)
    return {"name": site, "events": events, "ratio": ratio_text(*_logs(effect)), "weight": weight}


def _combined(whole: Part) -> list[dict[str, Any]]:
    return [
        {"name": label, "ratio": effect_text(whole[model]), "p": whole[model]["p"]}
        for model, label in MODELS.items()
        if whole.get(model)
    ]


def _sentence(combined: Any) -> str:
    found = headline(combined)
    if found is None:
        return ""
    low, high = (hazard_ratio(found.effect[key]) for key in ("ci_low", "ci_high"))
    text = f"Hazard ratio {effect_text(found.effect)}, {found.name}: {against_one(low, high)}; "
    return f"{text}{p_phrase(found.effect['p'])}."


def _spread(whole: Part) -> str:
    if whole.get("q_p") is None:
        return "With one site nothing can be said of how sites differ."
    freedom = counted(len(whole["sites"]) - 1, "degree")
    return (
        f"How sites differ: tau² {whole['tau2']:.3f}, I² {whole['i2']:.0%}, Cochran’s Q {whole['q']:.2f} with "
        f"{freedom} of freedom, {p_phrase(whole['q_p'])}."
    )
