"""Files that carry one SOP instance UID: copies, or two that are at odds."""

from __future__ import annotations

import filecmp
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pydicom

from client.dicom.errors import DicomError, reading
from client.dicom.instances import CtFile, MaskFile
from client.dicom.patient_files import PatientFiles

_PIXEL_DATA = 0x7FE00010


def without_copies(patient_id: str, instances: Iterable[CtFile | MaskFile]) -> tuple[PatientFiles, list[Path]]:
    """The patient's files with each SOP instance UID once, and the paths of the copies left out."""
    kept: dict[str, CtFile | MaskFile] = {}
    copies, at_odds = [], []
    for one in sorted(instances, key=lambda instance: instance.path):
        uid = one.sop_uid or f"file {one.path}"
        first = kept.setdefault(uid, one)
        if first is not one:
            copies.append(one.path)
            if not _same(first, one):
                at_odds.append((first.path, one.path))
    ct = tuple(one for one in kept.values() if isinstance(one, CtFile))
    masks = tuple(one for one in kept.values() if isinstance(one, MaskFile))
    return PatientFiles(patient_id, ct, masks, tuple(at_odds)), copies


def _same(one: CtFile | MaskFile, other: CtFile | MaskFile) -> bool:
    """Whether two files say the same, to the byte or, of a CT, in pixels and geometry."""
    try:
        if one.size == other.size and filecmp.cmp(one.path, other.path, shallow=False):
            return True
        if not (isinstance(one, CtFile) and isinstance(other, CtFile)):
            return False
        same_header = replace(one, path=other.path, size=other.size) == other
        return same_header and _pixels(one.path) == _pixels(other.path)
    except (OSError, DicomError):
        return False


def _pixels(path: Path) -> object:
    with reading(path):
        data = pydicom.dcmread(path, force=True, specific_tags=[_PIXEL_DATA])
        return data.get_item(_PIXEL_DATA).value
