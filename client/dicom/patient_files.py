"""The files of one patient, and their fingerprint."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from client.dicom.errors import reading
from client.dicom.instances import CtFile, MaskFile


@dataclass(frozen=True)
class PatientFiles:
    """What of one patient takes part; `at_odds` pairs files that carry one SOP instance UID and differ.

    `spoiled` are damaged, empty and unreadable files in a folder of the patient's CT: any may be a slice of it.
    `mixed` are files of a CT series whose files carry more than one PatientID, which only folders can bring together.
    """

    patient_id: str
    ct: tuple[CtFile, ...] = ()
    masks: tuple[MaskFile, ...] = ()
    at_odds: tuple[tuple[Path, Path], ...] = ()
    spoiled: tuple[Path, ...] = ()
    mixed: tuple[Path, ...] = ()


def fingerprint(files: PatientFiles) -> str:
    """SHA-256 in hex of what would be imported: CT by SOP instance UID and size, masks by their content.

    Neither paths nor order change it. DicomError when a mask can no longer be read.
    """
    lines = [f"ct {one.sop_uid} {one.size} {one.whole}" for one in files.ct]
    lines += [f"{one.kind} {one.sop_uid} {_content(one.path)}" for one in files.masks]
    lines += [f"at odds {len(files.at_odds)}"]
    lines += [f"spoiled {len(files.spoiled)}"] if files.spoiled else []
    lines += ["mixed"] if files.mixed else []
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def _content(path: Path) -> str:
    with reading(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
