"""The first screen of a study: what was asked, what was found, and who took part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from markupsafe import Markup

from common.report.parts import Results, computed, look_up, reason
from common.report.view_summary import Summary
from common.report.words import CHANCE, against_one, counted, estimate, listed
from server.report.effects import effect_text, headline, why_not
from server.report.parts import (
    area_text,
    hazard_ratio,
    known,
    patients_of,
    roster,
    taking_part,
    these_sites,
    total_told,
    training_rounds,
)

ROLES = {
    "training": "to train",
    "validation": "to choose",
    "test": "to judge",
    "immunotherapy": "under immunotherapy",
}


def study_summary(results: Results) -> Summary:
    """The first screen of the results of a federated study."""
    found = (*_discrimination(results), *_survival(results), *_signature(results), *_privacy(results))
    return Summary(_eyebrow(results), tuple(_asked(results)), found, (*_sites(results), *_patients(results)))


def _eyebrow(results: Results) -> str:
    sha256, seed = results.get("study_sha256"), results.get("seed")
    parts = [
        counted(len(roster(results)), "site"),
        f"preset {results['preset']}" if results.get("preset") else "",
        f"seed {seed}" if seed is not None else "",
        f"study {sha256[:12]}" if sha256 else "",
    ]
    return " · ".join(part for part in parts if part)


def _asked(results: Results) -> Iterator[str]:
    label = look_up(results, "study.cohort.label_tps")
    level = "high PD-L1 expression" if label is None else f"a PD-L1 tumour proportion score of {label:g}% or more"
    sites = len(roster(results))
    yield (
        f"Does a score from CT that {counted(sites, 'hospital')} trained together, without a scan leaving one, tell "
        f"lung cancers with {level} from the others?"
    )
    yield "Does it divide patients under immunotherapy by their progression-free survival?"


def _discrimination(results: Results) -> Iterator[Markup]:
    area = look_up(results, "evaluation.federated.pooled")
    if not computed(area):
        yield Markup("The AUC over all sites could not be computed: {}.").format(reason(area) or "it was not asked for")
        return
    yield Markup("On {} of {} PD-L1ES reached an <b>AUC of {}</b>{}.").format(
        counted(area["n"], "test patient"),
        these_sites(area["sites"], roster(results)),
        area_text(area),
        _against_chance(area),
    )
    yield Markup(
        "Sites tell their scores only as counts in bins. Whatever these hide, the AUC of these patients lies between "
        "{} and {}."
    ).format(estimate(area["lowest"]), estimate(area["highest"]))


def _against_chance(area: Any) -> str:
    if area["ci_high"] < CHANCE:
        return ", an interval below chance"
    return "" if area["ci_low"] > CHANCE else ", an interval that includes chance"


def _survival(results: Results) -> Iterator[Markup]:
    combined = look_up(results, "survival.combined.by_group")
    found = headline(combined)
    if found is None:
        survival = results.get("survival") or {}
        why = reason(survival) or why_not(survival, "by_group")
        yield Markup("Survival could not be compared over the sites: {}.").format(why)
        return
    low, high = (hazard_ratio(found.effect[end]) for end in ("ci_low", "ci_high"))
    yield Markup("Under immunotherapy a high PD-L1ES went with {} progression: <b>hazard ratio {}</b>, {}; {}.").format(
        "earlier" if found.effect["estimate"] > 0 else "later",
        effect_text(found.effect),
        _of_sites(combined["sites"], found.name, roster(results)),
        against_one(low, high),
    )


def _of_sites(sites: list[str], name: str, everybody: list[str]) -> str:
    return f"of {sites[0]} alone" if len(sites) == 1 else f"combined over {these_sites(sites, everybody)} ({name})"


def _signature(results: Results) -> Iterator[Markup]:
    signature: Any = results.get("signature")
    if not computed(signature):
        yield Markup("No signature was sealed: {}.").format(reason(signature) or "the results have none")
        return
    carried = {"a cut-off": signature.get("cutoff"), "an operating point": signature.get("operating_point")}
    words = listed([f"{'without' if value is None else 'with'} {name}" for name, value in carried.items()])
    yield Markup("The signature is sealed {} (weights {}).").format(words, signature["weights_sha256"][:12])


def _privacy(results: Results) -> Iterator[Markup]:
    promised = known(results, "privacy.promised")
    if promised:
        yield Markup(
            "Each site promised its training patients <b>differential privacy</b> with epsilon {:g} at delta {:g}; "
            'what that does not cover stands under <a href="#privacy">Privacy</a>.'
        ).format(promised["epsilon"], promised["delta"])


def _sites(results: Results) -> Iterator[str]:
    everybody, there = roster(results), taking_part(results)
    absent = [site for site in everybody if site not in there]
    text = f"{len(there)} of {counted(len(everybody), 'site')} took part"
    text += f", without {listed(absent)}" if absent else f": {listed(there)}" if len(there) < 6 else ""
    rounds = training_rounds(results)
    full = sum(set(there) <= set(one["answered"]) for one in rounds)
    if rounds:
        every = "all" if full == len(rounds) else f"{full:,}" if full else "none"
        text += f". They trained {counted(len(rounds), 'round')}, {every} of them with every site that took part"
    yield f"{text}."


def _patients(results: Results) -> Iterator[str]:
    sites = [site for site in (results.get("sites") or {}).values() if site.get("took_part")]
    kind = "synthetic patient" if results.get("synthetic") else "patient"
    numbers = {name: sum(patients_of(site, name) for site in sites) for name in ROLES}
    parts = listed([f"{number:,} {ROLES[name]}" for name, number in numbers.items() if number])
    yield f"{counted(sum(numbers.values()), kind)}: {parts}."
    excluded, quarantined = (total_told([site.get(key) for site in sites]) for key in ("excluded", "quarantined"))
    yield f"Beside these, {excluded} were excluded and {quarantined} put in quarantine."
