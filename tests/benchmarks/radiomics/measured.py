"""Extractions in turns, and the values of two sides beside each other."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.environment import PeerFailed
from tests.benchmarks.radiomics.cases import Patient
from tests.benchmarks.radiomics.competitors import Competitor
from tests.benchmarks.radiomics.engine import PAPER, Answer, Engine

Say = Callable[[str], None]
LONGEST_SECONDS = 900.0
SMALLEST_VALUE = 1e-9
"""A value below it counts as this much in a relative difference: it is zero but for rounding."""


@dataclass
class Answers:
    """Of each competitor its answers in the order of the turns, and why one of them gave none."""

    given: dict[str, list[Answer]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def in_turns(
    competitors: Mapping[Competitor, int],
    patients: Sequence[Patient],
    settings: Mapping[str, Any],
    say: Say,
) -> dict[str, Answers]:
    """Each competitor extracts from every patient as many times as stands beside it, all in turns.

    The smallest patient comes once before, uncounted, so that everything is imported. Whoever fails is left out of
    what follows of the same patient.
    """
    found = {patient.case.name: Answers() for patient in patients}
    with ExitStack() as stack:
        engines = {one: stack.enter_context(Engine(one.program, settings)) for one in competitors}
        broken = {one.sentence: why for one in engines if (why := _warm_up(engines[one], patients[0]))}
        for answers in found.values():
            answers.failed |= broken
        for turn in range(max(competitors.values())):
            for patient in patients:
                for one in (one for one, turns in competitors.items() if turn < turns):
                    say(f"radiomics: turn {turn + 1}, {patient.case.name}: {one.sentence}")
                    _ask(engines[one], one.sentence, patient, found[patient.case.name])
    return found


def _warm_up(engine: Engine, patient: Patient) -> str:
    try:
        engine.ask((patient.image, patient.mask), seconds=LONGEST_SECONDS)
    except PeerFailed as error:
        return str(error)
    return ""


def _ask(engine: Engine, sentence: str, patient: Patient, answers: Answers) -> None:
    if sentence in answers.failed:
        return
    try:
        answer = engine.ask((patient.image, patient.mask), seconds=LONGEST_SECONDS)
    except PeerFailed as error:
        answers.failed[sentence] = str(error)
    else:
        answers.given.setdefault(sentence, []).append(answer)


def largest_difference(
    one: Competitor, other: Competitor, patient: Patient, folder: Path, **changes: Any
) -> tuple[float, int]:
    """The largest difference of a value, relative to the second's, and how many values both give.

    `changes` of the settings are for both.
    """
    values = []
    for side in (one, other):
        with Engine(side.program, PAPER | changes) as engine:
            file = folder / "values.json"
            engine.ask((patient.image, patient.mask), seconds=LONGEST_SECONDS, keep=file)
            values.append(json.loads(file.read_text()))
    return _difference(*values)


def _difference(ours: Mapping[str, float], theirs: Mapping[str, float]) -> tuple[float, int]:
    names = [name for name in ours if name in theirs]
    a, b = (np.array([values[name] for name in names]) for values in (ours, theirs))
    apart = np.abs(a - b) / np.maximum(np.abs(b), SMALLEST_VALUE)
    # one that only one of them can compute is as far away as can be
    apart[np.isnan(a) != np.isnan(b)] = np.inf
    return float(np.nanmax(apart, initial=0.0)), len(names)
