"""What a check found, its remedy, and the patients it names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "failed", "skipped"]
STATES: tuple[State, ...] = ("failed", "warning", "skipped", "ok")


@dataclass(frozen=True)
class Item:
    """One patient or file that a check names; `row` is the line in cohort.csv, the header being line 1."""

    what: str
    patient_id: str = ""
    row: int | None = None
    file: str = ""

    def sentence(self) -> str:
        """One line for people: row, patient, file and what is the matter."""
        row = "" if self.row is None else f"row {self.row}"
        patient = f"patient {self.patient_id}" if self.patient_id else ""
        return ": ".join(filter(None, (" ".join(filter(None, (row, patient))), self.file, self.what)))


@dataclass(frozen=True)
class Check:
    """One check: `found` in a sentence, `remedy` empty when nothing is to be done."""

    area: str
    name: str
    state: State
    found: str
    remedy: str = ""
    items: tuple[Item, ...] = ()


@dataclass(frozen=True)
class Topic:
    """Where a check stands on the page, and its name."""

    area: str
    name: str

    def ok(self, found: str, items: Iterable[Item] = ()) -> Check:
        """Nothing is to be done."""
        return Check(self.area, self.name, "ok", found, "", tuple(items))

    def skipped(self, found: str, remedy: str = "") -> Check:
        """It could not be looked at, or there is nothing to look at."""
        return Check(self.area, self.name, "skipped", found, remedy)

    def warning(self, found: str, remedy: str, items: Iterable[Item] = ()) -> Check:
        """Plausible only at second sight."""
        return Check(self.area, self.name, "warning", found, remedy, tuple(items))

    def failed(self, found: str, remedy: str, items: Iterable[Item] = ()) -> Check:
        """To be mended before anything is computed."""
        return Check(self.area, self.name, "failed", found, remedy, tuple(items))


def worst(checks: Sequence[Check]) -> State:
    """The state of several checks together."""
    return next((state for state in STATES if any(check.state == state for check in checks)), "ok")


def counts(checks: Sequence[Check]) -> dict[str, int]:
    """How many checks are in each state."""
    return {state: sum(check.state == state for check in checks) for state in STATES}
