"""Patients a run goes on without, each with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from common.errors import DataError


@dataclass(frozen=True)
class Quarantined:
    """A patient left out, why, and where the cause is (row: line of cohort.csv, the header being line 1)."""

    patient_id: str
    reason: str
    file: str = ""
    row: int | None = None

    def sentence(self) -> str:
        """One line for people: row, patient, file and reason."""
        row = "" if self.row is None else f"cohort.csv row {self.row}: "
        file = "" if self.file in ("", "cohort.csv") else f"{self.file}: "
        return f"{row}patient {self.patient_id}: {file}{self.reason}"


def counted_reasons(quarantined: Sequence[Quarantined]) -> dict[str, int]:
    """How many patients are in quarantine for each kind of reason."""
    return dict(Counter(one.reason.split(";")[0].split(",")[0] for one in quarantined))


def check_limit(quarantined: Sequence[Quarantined], *, total: int, maximum_fraction: float) -> None:
    """Raise DataError when more of a cohort is in quarantine than the study allows."""
    if total and len(quarantined) > maximum_fraction * total:
        raise DataError(
            f"{len(quarantined)} of {total} patients are in quarantine, the study allows {maximum_fraction:.0%}: "
            f"mend them first ({quarantined[0].sentence()})"
        )
