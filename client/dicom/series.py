"""The CT series of a patient, and the stack of slices that one makes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from client.dicom.errors import DicomError
from client.dicom.instances import CtFile, CtFrame

SAME_DIRECTION = 1e-3
"""Largest difference of a direction cosine between slices of one orientation."""


@dataclass(frozen=True)
class Slice:
    """One plane of a CT with the file that holds it."""

    file: CtFile
    frame: CtFrame

    @property
    def path(self) -> Path:
        """The file that holds it."""
        return self.file.path


@dataclass(frozen=True)
class Series:
    """All planes of one CT series, in no order, without localisers."""

    uid: str
    slices: tuple[Slice, ...]
    localisers: int

    @property
    def name(self) -> str:
        """How a message tells it from others."""
        description = self.slices[0].file.description or "without description"
        return f'"{description}" of {len(self.slices)} slices'

    @property
    def sop_uids(self) -> frozenset[str]:
        """SOP instance UIDs of its files."""
        return frozenset(one.file.sop_uid for one in self.slices)

    @property
    def frame_uid(self) -> str:
        """Frame of reference UID of its first file, empty when absent."""
        return self.slices[0].file.frame_uid


def ct_series(files: Iterable[CtFile]) -> tuple[Series, ...]:
    """Group CT files by series, in the order of their UIDs; a series of localisers only is none."""
    by_uid: dict[str, list[Slice]] = defaultdict(list)
    for file in files:
        by_uid[file.series_uid] += [Slice(file, frame) for frame in file.frames]
    series = []
    for uid, slices in sorted(by_uid.items()):
        images = tuple(one for one in slices if not one.frame.localiser)
        if images:
            series.append(Series(uid, images, len(slices) - len(images)))
    return tuple(series)


def one_orientation(slices: Sequence[Slice]) -> tuple[list[Slice], int]:
    """The slices of the orientation that most have, and how many others there are; DicomError when two have as many."""
    groups: list[tuple[np.ndarray, list[Slice]]] = []
    for one in slices:
        direction = np.array(one.frame.orientation)
        group = next((found for first, found in groups if np.abs(first - direction).max() < SAME_DIRECTION), None)
        if group is None:
            groups.append((direction, [one]))
        else:
            group.append(one)
    groups.sort(key=lambda group: -len(group[1]))
    main = groups[0][1]
    if len(groups) > 1 and len(groups[1][1]) == len(main):
        raise DicomError(
            main[0].path,
            f"its series holds {len(main)} slices each of {len(groups)} orientations, a CT has one; "
            "send the axial slices as a series of their own",
        )
    return main, len(slices) - len(main)
