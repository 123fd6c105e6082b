"""Which patient of the DICOM files is which patient of the spreadsheet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from client.intake.cells import tidy


@dataclass(frozen=True)
class Matches:
    """The spreadsheet's id by the DICOM's, who is on one side only, and DICOM ids that differ in spaces only."""

    pairs: Mapping[str, str]
    without_row: tuple[str, ...]
    without_ct: tuple[str, ...]
    alike: tuple[str, ...]
    by_zeros: tuple[str, ...]
    """DICOM ids matched although the spreadsheet lost their leading zeros."""


def match_patients(dicom: Iterable[str], table: Iterable[str]) -> Matches:
    """Match ids that are equal but for spaces, then those that leading zeros tell apart, where only one fits."""
    dicom, left = list(dicom), set(table)
    spellings = _grouped(dicom, tidy)
    alike = tuple(one for one in dicom if len(spellings[tidy(one)]) > 1)
    pairs = {one: tidy(one) for one in dicom if one not in alike and tidy(one) in left}
    ours, theirs = _grouped(map(tidy, dicom), _without_zeros), _grouped(left, _without_zeros)
    by_zeros = []
    for one in dicom:
        key = _without_zeros(one)
        if one not in pairs and one not in alike and len(ours[key]) == len(theirs[key]) == 1:
            pairs[one] = theirs[key][0]
            by_zeros.append(one)
    without_row = tuple(one for one in dicom if one not in pairs and one not in alike)
    known = {*pairs.values(), *map(tidy, alike)}
    return Matches(pairs, without_row, tuple(sorted(left - known)), alike, tuple(by_zeros))


def _without_zeros(patient_id: str) -> str:
    return tidy(patient_id).lstrip("0")


def _grouped(ids: Iterable[str], key: Callable[[str], str]) -> defaultdict[str, list[str]]:
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for one in ids:
        groups[key(one)].append(one)
    return groups
