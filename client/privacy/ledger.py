"""The privacy ledger of a site: every noised release of every study, written down before it is computed.

The same releases stand in the audit trail. A ledger that says less than the trail, or something else, is lost, altered
or rolled back, and nothing is released any more.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from client.audit.entry import Entry, Event
from client.audit.trail import Trail
from client.privacy.accounting import Mechanism, spent_epsilon
from common import atomic
from common.errors import BudgetError, LedgerError
from common.file_lock import locked
from common.flower_environment import private_folder
from common.messages.record import Sha256

PRIVACY_FOLDER = Path("federation") / "privacy"
LEDGER_FILE, LOCK_FILE = "ledger.json", "ledger.lock"
ROUNDING = 1e-9
"""Relative excess of a budget that is rounding, not spending."""


class Release(BaseModel):
    """One noised release of a study; counted once, however often it is asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    study_sha256: Sha256
    what: Annotated[str, Field(max_length=80)]
    name: Sha256
    """SHA-256 of all that it is computed from; the same name gets the same noise."""
    noise_multiplier: Annotated[float, Field(gt=0)]
    sample_rate: Annotated[float, Field(gt=0, le=1)]
    steps: Annotated[int, Field(ge=1)]
    delta: Annotated[float, Field(gt=0, lt=1)]
    epsilon: Annotated[float, Field(ge=0)]
    """Of the study's releases up to this one."""

    @property
    def mechanism(self) -> Mechanism:
        """What the accountant counts."""
        return Mechanism(self.noise_multiplier, self.sample_rate, self.steps)


@dataclass(frozen=True)
class Budget:
    """The most that a study may spend here."""

    study_sha256: str
    epsilon: float
    delta: float


class Ledger:
    """The ledger of a site's folder, held against its audit trail each time it is used."""

    def __init__(self, site_folder: Path, trail: Trail | None = None) -> None:
        self.folder = site_folder / PRIVACY_FOLDER
        self.file = self.folder / LEDGER_FILE
        self.trail = trail or Trail(site_folder)

    def releases(self) -> tuple[Release, ...]:
        """All releases in their order; LedgerError when the file is not what the trail says was written."""
        private_folder(self.folder)
        with locked(self.folder / LOCK_FILE):
            return tuple(self._checked())

    def of_study(self, study_sha256: str) -> tuple[Release, ...]:
        """The releases of one study."""
        return tuple(one for one in self.releases() if one.study_sha256 == study_sha256)

    def reserve(
        self,
        budget: Budget,
        mechanism: Mechanism,
        *,
        what: str,
        name: str,
        held_back: Mapping[str, Mechanism] | None = None,
    ) -> float:
        """Write a release down as spent, durably, before it is computed; returns epsilon of the study so far.

        A name that is there already costs nothing again. BudgetError when the study would exceed its budget with
        `held_back`, which are releases by what they are that the study leads to, whether they were asked for or not.
        """
        private_folder(self.folder)
        with locked(self.folder / LOCK_FILE):
            releases = self._checked()
            before = [one for one in releases if one.study_sha256 == budget.study_sha256]
            if any(one.name == name for one in before):
                return before[-1].epsilon
            spent = [*(one.mechanism for one in before), mechanism]
            total = spent_epsilon(spent, delta=budget.delta)
            done = {what, *(one.what for one in before)}
            kept = [one for name_of_it, one in (held_back or {}).items() if name_of_it not in done]
            if (most := spent_epsilon([*spent, *kept], delta=budget.delta)) > budget.epsilon * (1 + ROUNDING):
                raise BudgetError(_exceeded(budget, what, before, most))
            added = _release(budget, mechanism, what=what, name=name, epsilon=total)
            self._write([*releases, added])
            self.trail.append(_event(added))
        return total

    def _checked(self) -> list[Release]:
        releases, told = self._read(), [_of_line(one) for one in self.trail.entries_of("privacy")]
        if releases[: len(told)] != told:
            raise LedgerError(
                f"{self.file}: has {len(releases)} releases, the audit trail has {len(told)} and others: the ledger "
                "was lost, altered or put back to an earlier state, so what was spent is not known here; put it back "
                "from the newest backup, and the trail with it, or take no further part"
            )
        for unwritten in releases[len(told) :][1:]:
            raise LedgerError(
                f"{self.file}: {unwritten.what} and others are not in the audit trail; put both back from one backup"
            )
        for interrupted in releases[len(told) :]:
            # it was written down and not yet recorded: it counts as spent
            self.trail.append(_event(interrupted))
        return releases

    def _read(self) -> list[Release]:
        if not self.file.exists():
            return []
        try:
            return [Release.model_validate(one) for one in json.loads(self.file.read_text("utf-8"))]
        except (OSError, ValueError, TypeError, ValidationError) as error:
            raise LedgerError(
                f"{self.file}: is damaged; put it back from the newest backup, or take no further part"
            ) from error

    def _write(self, releases: Sequence[Release]) -> None:
        lines = [one.model_dump(mode="json") for one in releases]
        atomic.write_text(self.file, json.dumps(lines, indent=1, sort_keys=True) + "\n")


def _release(budget: Budget, mechanism: Mechanism, *, what: str, name: str, epsilon: float) -> Release:
    return Release(
        study_sha256=budget.study_sha256,
        what=what,
        name=name,
        noise_multiplier=mechanism.noise_multiplier,
        sample_rate=mechanism.sample_rate,
        steps=mechanism.steps,
        delta=budget.delta,
        epsilon=epsilon,
    )


def _exceeded(budget: Budget, what: str, before: Sequence[Release], total: float) -> str:
    spent = before[-1].epsilon if before else 0.0
    return (
        f"{what} would bring epsilon of study {budget.study_sha256[:12]} from {spent:.3g} to {total:.3g}, its budget "
        f"is {budget.epsilon:g}; nothing more of it leaves this site, a study that needs more must be agreed on anew"
    )


def _event(release: Release) -> Event:
    told = release.model_dump(exclude={"study_sha256", "epsilon"})
    details = {name: value if isinstance(value, str) else repr(value) for name, value in told.items()}
    return Event(event="privacy", study_sha256=release.study_sha256, epsilon=release.epsilon, details=details)


def _of_line(line: Entry) -> Release:
    return Release.model_validate({**line.details, "study_sha256": line.study_sha256, "epsilon": line.epsilon})
