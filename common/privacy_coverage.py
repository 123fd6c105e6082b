"""What of a study leaves a site, and which of it the study's promise of differential privacy covers.

The one truth of the text that a person approves, of the study's report and of the documents.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from common.phases import Phase
from common.study import Federation, Privacy, Study

Verdict = Literal["covered", "not covered", "does not leave"]
_STATISTICS: dict[Phase, str] = {
    "statistics": "means and deviations of features and clinical values",
    "selection": "rank sums of features between the classes",
}
_EXACT = "exact, over training patients"
_WEIGHTS = "weights after each round"
_COUNTED = "number of training patients and what was spent, with each round"
_LOSS = "training loss of each round"
_JUDGED = "loss and pairs in the right order of validation patients, by which the best weights are chosen"
_LEARNS = {
    "head": "the classifier learns from clipped gradients with noise, the trunk that the server sends does not learn",
    "full": "the whole network learns from clipped gradients with noise",
}


@dataclass(frozen=True)
class Coverage:
    """One kind of number that a study is about, and what becomes of it."""

    phase: Phase
    what: str
    verdict: Verdict
    why: str


def privacy_coverage(study: Study) -> tuple[Coverage, ...]:
    """Every kind of number of a federated study in the order of its phases; none of a study of one site."""
    if study.federation is None:
        return ()
    return (
        *_preparation(study.privacy, study.federation),
        *_training(study),
        *_judgement(study.federation),
    )


def promise_text(*, epsilon: float, delta: float) -> str:
    """What differential privacy promises, and to whom, in one sentence without its full stop."""
    return (
        f"epsilon {epsilon:g} at delta {delta:g} for whether the data of one training patient of a site were used, the "
        "numbers of patients being known, in all that is covered, over all rounds and restarts together"
    )


def _preparation(privacy: Privacy | None, federation: Federation) -> Iterator[Coverage]:
    known = "; the promise takes them as known" if privacy else ""
    yield Coverage(
        "describe",
        "numbers of patients by division and class, excluded and in quarantine",
        "not covered",
        f"exact counts{known}",
    )
    for phase, what in _STATISTICS.items():
        if privacy is not None and privacy.statistics == "noised":
            yield Coverage(phase, what, "covered", "noise on values cut to known ranges; epsilon counts it")
        else:
            yield Coverage(phase, what, "not covered", _EXACT)
    if federation.correlation < 1:
        yield Coverage("selection", "cross products of the chosen features", "not covered", _EXACT)


def _training(study: Study) -> Iterator[Coverage]:
    privacy = study.privacy
    if privacy is None:
        yield Coverage("training", _WEIGHTS, "not covered", "they may tell whether a patient was trained on")
        yield Coverage("training", _LOSS, "not covered", "exact mean over training patients")
    else:
        why = f"epsilon {privacy.epsilon:g} at delta {privacy.delta:g} with all else that is covered"
        yield Coverage("training", _WEIGHTS, "covered", f"{_LEARNS[privacy.mode]}; {why}")
        yield Coverage("training", _COUNTED, "not covered", "an exact count, and what follows from it")
        yield Coverage("training", _LOSS, "does not leave", "it would be exact")
    if study.withholds_validation:
        yield Coverage("training", _JUDGED, "does not leave", "the newest weights count as best in their place")
    else:
        yield Coverage("training", _JUDGED, "not covered", "exact sums over patients who are not trained on")


def _judgement(federation: Federation) -> Iterator[Coverage]:
    if federation.cross_site:
        why = "the weights may tell whether a patient was trained on"
        yield Coverage("evaluation", "this site's model, trained alone, with its scaling", "not covered", why)
    yield Coverage(
        "evaluation",
        "AUC and counts of scores in bins",
        "not covered",
        "exact, over test and validation patients, who are not trained on",
    )
    yield Coverage(
        "survival",
        "number of patients, median score, hazard ratios, counts in intervals of days",
        "not covered",
        "exact, over the immunotherapy cohort, which is not trained on",
    )
