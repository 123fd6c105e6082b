"""What an import reads and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from client.dicom.tree import PatientFrom
from client.intake.value_rules import ValueRules


@dataclass(frozen=True)
class Asked:
    """The folder with the DICOM, the spreadsheet, and the options of the command."""

    tree: Path
    clinical: Path
    roi: str | None
    patient_from: PatientFrom
    sheet: str | None
    maps: Mapping[str, str]
    values: ValueRules
    jobs: int
