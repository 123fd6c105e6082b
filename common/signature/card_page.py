"""model_card.md: the model card for people, written from signature.json alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from common.privacy_coverage import promise_text
from common.report import words
from common.signature.card import Area, DivisionSize, HazardRatio, ModelCard, NotKnown, PrivacyBudget
from common.signature.description import Description

DIVISIONS = ("training", "validation", "test", "immunotherapy")


def card_page(description: Description) -> str:
    """The card as Markdown; the same signature gives the same text. `card_sha256` is not read."""
    return "\n".join(_lines(description)) + "\n"


def _lines(sealed: Description) -> Iterator[str]:
    card = sealed.card
    yield f"# {'SYNTHETIC: m' if sealed.synthetic else 'M'}odel card of PD-L1ES, study {plain(card.study)}\n"
    yield f"{plain(card.intended_use)}\n"
    yield from _list("Not to be used for", card.out_of_scope)
    yield from _list("Limits", card.limits)
    yield from _patients(card)
    yield from _performance(card)
    yield from _thresholds(sealed)
    yield from _privacy(card)
    yield from _acquisition(card)
    yield from _provenance(sealed)


def _list(title: str, sentences: Sequence[str]) -> Iterator[str]:
    yield f"## {title}\n"
    yield "\n".join(f"- {plain(sentence)}" for sentence in sentences) + "\n"


def _patients(card: ModelCard) -> Iterator[str]:
    yield "## Patients\n"
    yield "Patients, and in brackets those with high PD-L1 expression; `?`: withheld or not known.\n"
    names = [name for name in DIVISIONS if any(name in one for one in card.sites.values())]
    yield f"| site | {' | '.join(names)} |"
    yield f"| --- |{' --: |' * len(names)}"
    for site, divisions in card.sites.items():
        yield f"| {plain(site)} | {' | '.join(_size(divisions.get(name)) for name in names)} |"
    yield ""
    for site, notes in card.withheld.items():
        yield f"- {plain(site)} withheld: {plain('; '.join(notes))}"
    if card.withheld:
        yield ""


def _size(one: DivisionSize | None) -> str:
    if one is None:
        return "-"
    return f"{one.patients} ({'?' if one.positives is None else one.positives})"


def _performance(card: ModelCard) -> Iterator[str]:
    found = card.performance
    yield "## What it reached where it was trained\n"
    yield "| AUC of PD-L1ES | (95% CI) |\n| --- | --- |"
    for division, area in found.discrimination.items():
        yield f"| {plain(division)} | {_area(area)} |"
    for site, area in found.test_by_site.items():
        yield f"| test, {plain(site)} | {_area(area)} |"
    yield f"\nProgression under immunotherapy, high to low PD-L1ES: {_ratio(found.survival)}.\n"


def _area(area: Area | NotKnown) -> str:
    if isinstance(area, NotKnown):
        return f"not computed: {plain(area.not_computed)}"
    return f"{area.auc:.3f} ({area.ci_low:.3f} to {area.ci_high:.3f}), {area.n_positive} of {area.n} patients positive"


def _ratio(ratio: HazardRatio | NotKnown) -> str:
    if isinstance(ratio, NotKnown):
        return f"not computed: {plain(ratio.not_computed)}"
    return f"hazard ratio {words.ratio(ratio.hazard_ratio, ratio.ci_low, ratio.ci_high)}"


def _thresholds(sealed: Description) -> Iterator[str]:
    yield "## Operating point and cut-off\n"
    point = "none" if sealed.operating_point is None else f"{sealed.operating_point:.4f} or more is positive"
    cutoff = "none" if sealed.cutoff is None else f"above {sealed.cutoff:.4f} is high"
    yield f"- Operating point: {point}. {plain(sealed.card.operating_point)}"
    yield f"- Cut-off of survival: {cutoff}. {plain(sealed.card.cutoff)}\n"


def _privacy(card: ModelCard) -> Iterator[str]:
    yield "## Privacy\n"
    budget = card.differential_privacy
    if isinstance(budget, PrivacyBudget):
        promise = promise_text(epsilon=budget.epsilon, delta=budget.delta)
        yield f"Differential privacy: {promise}. What is not covered stands among the limits.\n"
    else:
        yield (
            "No differential privacy. The weights may tell whether a patient was trained on; means and deviations are "
            "over all training patients.\n"
        )


def _acquisition(card: ModelCard) -> Iterator[str]:
    if not card.acquisition and not card.clinical_missing:
        return
    yield "## Training patients\n"
    for variable, levels in card.acquisition.items():
        told = ", ".join(f"{plain(level)} {count}" for level, count in levels.items())
        yield f"- {plain(variable)}: {told}"
    for name, share in card.clinical_missing.items():
        yield f"- {plain(name)}: unknown in {share:.1%}"
    yield ""


def _provenance(sealed: Description) -> Iterator[str]:
    card = sealed.card
    yield "## Provenance\n"
    facts: Mapping[str, object] = {
        "sealed on": card.sealed_on,
        "study, SHA-256": sealed.study_sha256,
        "code, SHA-256": card.code_sha256,
        "weights, SHA-256": sealed.weights_sha256,
        "seed": card.seed,
        "radiomic features": len(sealed.radiomic_features),
        "positive is": f"TPS of {sealed.label_tps:g}% or more",
        "versions": ", ".join(f"{name} {version}" for name, version in card.versions.items()),
    }
    yield "\n".join(f"- {name}: {plain(str(value))}" for name, value in facts.items())
    yield "\nWho signed it stands in signature.sig; compare the key's fingerprint by telephone."


def plain(text: str) -> str:
    """Text of others in one line of Markdown, without its markup."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(text.split()))
