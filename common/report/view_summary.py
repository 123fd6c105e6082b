"""The first screen: what was asked, what was found, on whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from common.report.parts import Results, computed, computed_parts, look_up, reason
from common.report.words import (
    DIVISION_NAMES,
    MODEL_NAMES,
    SCORE_NAMES,
    against_one,
    counted,
    days,
    estimate,
    listed,
    p_phrase,
)

JUDGING = ("test", "all", "validation", "training")
"""Divisions from the one that judges best on."""


@dataclass(frozen=True)
class Summary:
    """Sentences of the first screen."""

    eyebrow: str
    asked: tuple[str, ...]
    found: tuple[Markup, ...]
    whom: tuple[str, ...]


def summary(results: Results, beside: Mapping[str, Any]) -> Summary:
    """The first screen of the results, with the published numbers where there are some."""
    found = (*_discrimination(results, beside), *_survival(results, beside))
    return Summary(_eyebrow(results), tuple(_asked(results)), found, tuple(_whom(results)))


def judging_division(parts: Any) -> str:
    """The division that judges best of those that could be computed; empty when there is none."""
    there = computed_parts(parts)
    return next((name for name in JUDGING if name in there), "")


def _eyebrow(results: Results) -> str:
    """What ran: the site or the preset, and the study."""
    named = {"": results.get("site"), "preset ": results.get("preset"), "seed ": results.get("seed")}
    parts = [f"{word}{value}" for word, value in named.items() if value is not None]
    sha256 = results.get("study_sha256")
    return " · ".join([*parts, f"study {sha256[:12]}" if sha256 else "the paper’s settings"])


def _asked(results: Results) -> Iterator[str]:
    if "discrimination" in results:
        label = look_up(results, "study.cohort.label_tps")
        level = "high PD-L1 expression" if label is None else f"a PD-L1 tumour proportion score of {label:g}% or more"
        yield f"Does PD-L1ES, a score from CT, tell lung cancers with {level} from the others?"
    if "survival" in results:
        yield "Does PD-L1ES divide patients under immunotherapy by their progression-free survival?"


def _discrimination(results: Results, beside: Mapping[str, Any]) -> Iterator[Markup]:
    parts = look_up(results, "discrimination.pdl1es")
    if parts is None:
        return
    division = judging_division(parts)
    if not division:
        why = reason(parts) or next((reason(part) for part in parts.values() if reason(part)), "nobody was scored")
        yield Markup("The AUC of PD-L1ES could not be computed: {}.").format(why)
        return
    area = parts[division]
    yield Markup("On {} {}PD-L1ES reached an <b>AUC of {}</b>{}{}.").format(
        counted(area["n"], f"{division} patient" if division != "all" else "patient"),
        "" if division != "all" else "of this site ",
        estimate(area["auc"], area["ci_low"], area["ci_high"]),
        "" if area["ci_low"] > 0.5 else ", an interval that includes chance",
        _published(beside, f"discrimination.pdl1es.{division}.auc"),
    )
    yield from _ranked(results, division)


def _ranked(results: Results, division: str) -> Iterator[Markup]:
    parts = results["discrimination"]
    areas = {
        model: look_up(parts, f"{model}.{division}.auc")
        for model in MODEL_NAMES
        if computed(look_up(parts, f"{model}.{division}.auc")) and not reason(look_up(parts, f"{model}.{division}"))
    }
    ranked = sorted(areas, key=lambda model: -areas[model])
    if len(ranked) < 2:
        return
    place = "came first" if ranked[0] == "pdl1es" else f"came behind {MODEL_NAMES[ranked[0]]}"
    models = listed([f"{MODEL_NAMES[model]} {areas[model]:.2f}" for model in ranked])
    yield Markup("Of {} models it {}: {}.").format(len(ranked), place, models)


def _survival(results: Results, beside: Mapping[str, Any]) -> Iterator[Markup]:
    part = look_up(results, "survival.pdl1es.all")
    if part is None:
        return
    if reason(part):
        yield Markup("Survival could not be compared: {}.").format(reason(part))
        return
    yield Markup("Under immunotherapy a high PD-L1ES went with {} progression: <b>hazard ratio {}</b>; {}{}.").format(
        "earlier" if part["hazard_ratio"] > 1 else "later",
        estimate(part["hazard_ratio"], part["ci_low"], part["ci_high"]),
        against_one(part["ci_low"], part["ci_high"]),
        _published(beside, "survival.pdl1es.all.hazard_ratio"),
    )
    corrected = part.get("p_search_corrected")
    medians = f"median PFS in days: high {days(part['median_high'])}, low {days(part['median_low'])}"
    search = "" if corrected is None else f", corrected for the search of the cut-off {p_phrase(corrected)}"
    yield Markup("{}; log-rank {}{}.").format(medians[:1].upper() + medians[1:], p_phrase(part["logrank_p"]), search)
    yield from _other_scores(results)


def _other_scores(results: Results) -> Iterator[Markup]:
    for score in ("clinical", "combined"):
        part = look_up(results, f"survival.{score}.all")
        if computed(part):
            ratio = estimate(part["hazard_ratio"], part["ci_low"], part["ci_high"])
            yield Markup("{}: hazard ratio {}.").format(SCORE_NAMES[score], ratio)


def _published(beside: Mapping[str, Any], path: str) -> str:
    number = beside.get(path)
    return "" if number is None else f"; the paper’s is {number.text}, and {number.verdict}"


def _whom(results: Results) -> Iterator[str]:
    cohort = results.get("cohort")
    if not computed(cohort):
        return
    kind = "synthetic patient" if results.get("synthetic") else "patient"
    names = {name: cohort[name] for name in (*DIVISION_NAMES, "immunotherapy") if cohort.get(name)}
    roles = {
        "training": "to train",
        "validation": "to choose",
        "test": "to judge",
        "immunotherapy": "under immunotherapy",
    }
    parts = [f"{n:,} {roles.get(name, 'with known expression')}" for name, n in names.items()]
    whole = counted(sum(names.values()), kind)
    yield f"{whole}: {listed(parts)}." if len(parts) > 1 else f"{whole} {' '.join(parts).partition(' ')[2]}."
    excluded, quarantined = (sum((cohort.get(name) or {}).values()) for name in ("excluded", "quarantined"))
    yield f"Beside these, {excluded:,} were excluded and {quarantined:,} put in quarantine."
