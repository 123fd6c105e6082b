"""What an import did, for the screen and for results.json."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from client.dicom import DicomTree, PatientFiles

SHORTEST_NAME = 4
"""Shorter names of files and folders in ASCII, such as CT, are words of the reasons themselves."""


@dataclass(frozen=True)
class LeftOut:
    """A patient in quarantine: `reason` may be written down, `shown` also names files and what was given."""

    patient_id: str
    pseudonym: str
    reason: str
    shown: str
    row: int | None = None
    kept: bool = False
    """Whether cohort.csv still has what an earlier import wrote."""


@dataclass
class Outcome:
    """Who was imported and who was not, by the hospital's ids; only pseudonyms of it are written down."""

    files: int
    tree_patients: int
    table_patients: int
    new: list[str] = field(default_factory=list)
    changed: dict[str, str] = field(default_factory=dict)
    """Why each was converted again."""
    unchanged: list[str] = field(default_factory=list)
    refreshed: int = 0
    left_out: list[LeftOut] = field(default_factory=list)
    without_row: tuple[str, ...] = ()
    without_ct: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()
    """Pseudonyms of patients of earlier imports whose files are not in the tree."""
    ignored: Counter[str] = field(default_factory=Counter)
    spoiled: tuple[str, ...] = ()
    """Each damaged, empty or unreadable file with what it is, for the screen."""
    notes: Counter[str] = field(default_factory=Counter)
    noted: list[tuple[str, str]] = field(default_factory=list)
    """The hospital's id and a note on that patient, for the screen."""
    said: tuple[str, ...] = ()
    in_cohort: int = 0
    seconds: float = 0.0

    @property
    def reasons(self) -> Counter[str]:
        """Patients in quarantine by kind of reason."""
        return Counter(kind_of(one.reason) for one in self.left_out)


def ignored_reasons(tree: DicomTree) -> Counter[str]:
    """Files that take no part, by reason."""
    return Counter(one.reason for one in tree.ignored)


def without_identifiers(reason: str, files: PatientFiles) -> str:
    """A reason without what may name the patient: names in quotes, of files and folders, UIDs, what is in brackets."""
    text = reason
    paths = [*(one.path for one in files.ct), *(one.path for one in files.masks), *files.spoiled]
    paths += [path for pair in files.at_odds for path in pair]
    names = {path.name for path in paths} | {path.parent.name for path in paths}
    for name in sorted({*names, files.patient_id}, key=len, reverse=True):
        if not name or (len(name) < SHORTEST_NAME and name.isascii()):
            continue
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "...", text)
    text = re.sub(r'".*"', '"..."', text)
    text = re.sub(r" ?\([^()]*\)", "", text)
    return re.sub(r"(\.\.\.)[\d.]+|\d+(\.\d+){4,}", "...", text)


def kind_of(sentence: str) -> str:
    """A sentence with its numbers taken out, so that the same can be counted over patients."""
    return re.sub(r"-?\d+(\.\d+)?", "#", sentence)


def shown_reason(reason: str, path: Path | None) -> str:
    """A reason with the file it is about, for the hospital's own screen."""
    return f"{path}: {reason}" if path else reason


def add_notes(counts: Counter[str], notes: Iterable[str], files: PatientFiles) -> None:
    """Count the kinds of a patient's notes."""
    counts.update({kind_of(without_identifiers(note, files)) for note in notes})
