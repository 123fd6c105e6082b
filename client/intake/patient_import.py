"""An import at work: each matched patient is found unchanged, converted, or left out with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from client.dicom import DicomError, DicomTree, PatientFiles, fingerprint
from client.intake.asked import Asked
from client.intake.clinical import ClinicalTable
from client.intake.conversion import CannotWrite, Conversion, NotConverted, Written, convert_patient
from client.intake.ledger import INTAKE_VERSION, Imported
from client.intake.matching import Matches
from client.intake.outcome import LeftOut, Outcome, add_notes, ignored_reasons, shown_reason, without_identifiers
from client.intake.reading_notes import named
from client.intake.register import Register
from client.workers import WorkerDied, run_in_workers
from common.errors import DataError
from common.progress import progress_bar


class PatientImport:
    """Register and outcome of one import, which grow together."""

    def __init__(
        self, register: Register, tree: DicomTree, table: ClinicalTable, matches: Matches, asked: Asked
    ) -> None:
        self.register, self.tree, self.table, self.matches, self.asked = register, tree, table, matches, asked
        self.outcome = Outcome(
            tree.files,
            len(tree.patients),
            len(table.patient_ids),
            without_row=matches.without_row,
            without_ct=matches.without_ct,
            ignored=ignored_reasons(tree),
            spoiled=tuple(f"{one.path}: {one.reason}" for one in tree.spoiled),
            said=(*table.said, *_said(matches)),
        )

    def run(self) -> None:
        """Sort the patients, convert, and count who is in the table."""
        for patient_id in self.matches.alike:
            reason = "the DICOM files spell this PatientID in several ways that differ in spaces; give it one spelling"
            self._leave_out(patient_id, reason, reason)
        waiting = {one: seal for one in self.matches.pairs if (seal := self._to_convert(one))}
        self._convert(waiting)
        here = {self._pseudonym(one) for one in self.tree.patients}
        self.outcome.vanished = tuple(sorted(self.register.in_cohort - here))
        self.outcome.in_cohort = len(self.register.in_cohort)

    def _to_convert(self, patient_id: str) -> str:
        """The sealed fingerprint of a patient to convert; empty when it is done already or cannot be used."""
        files, theirs = self.tree.patients[patient_id], self.matches.pairs[patient_id]
        if fault := self.table.faults.get(theirs):
            self._leave_out(patient_id, fault.reason, fault.shown, fault.row)
            return ""
        try:
            sealed = self.register.key.sealed(fingerprint(files))
        except DicomError as error:
            self._refuse(patient_id, error.reason, error.path)
            return ""
        before = self.register.patients.get(self._pseudonym(patient_id))
        if before is None:
            return sealed
        if why := self._difference(before, sealed):
            self.outcome.changed[patient_id] = why
            return sealed
        self.outcome.unchanged.append(patient_id)
        self.outcome.refreshed += self.register.refresh(self._pseudonym(patient_id), self._clinical(patient_id))
        return ""

    def _difference(self, before: Imported, sealed: str) -> str:
        if before.fingerprint != sealed:
            return "other files"
        if before.roi != self.asked.roi:
            return "another --roi"
        if before.version != INTAKE_VERSION:
            return "another version of pdl1es"
        there = all(one.is_there(self.register.site.folder) for one in before.files)
        return "" if there else "images missing or altered in the site folder"

    def _convert(self, waiting: Mapping[str, str]) -> None:
        """Convert in workers and take in each patient as it comes; DataError when the folder takes no more."""
        folder, ids = self.register.site.folder, list(waiting)
        tasks = [Conversion(self.tree.patients[one], self.asked.roi, folder, self._pseudonym(one)) for one in ids]
        with progress_bar("patients", len(tasks)) as advance:
            for index, answer in run_in_workers(convert_patient, tasks, jobs=self.asked.jobs):
                if isinstance(answer, CannotWrite):
                    raise DataError(f"{answer.reason}; make room or permit it, then run again: it goes on")
                if isinstance(answer, Written):
                    self._take_in(ids[index], answer, waiting[ids[index]])
                else:
                    refused = NotConverted(answer.sentence()) if isinstance(answer, WorkerDied) else answer
                    self._refuse(ids[index], refused.reason, refused.path)
                advance(1)

    def _take_in(self, patient_id: str, written: Written, sealed: str) -> None:
        imported = Imported(
            fingerprint=sealed,
            roi=self.asked.roi,
            version=INTAKE_VERSION,
            files=written.files,
            acquisition=dict(written.acquisition),
        )
        self.register.record(self._pseudonym(patient_id), imported, self._clinical(patient_id))
        add_notes(self.outcome.notes, written.notes, self.tree.patients[patient_id])
        self.outcome.noted += [(patient_id, note) for note in written.notes]
        if patient_id not in self.outcome.changed:
            self.outcome.new.append(patient_id)

    def _refuse(self, patient_id: str, reason: str, path: Path | None) -> None:
        files: PatientFiles = self.tree.patients[patient_id]
        row = self.table.rows[self.matches.pairs[patient_id]].row
        others = f"; the other is {files.at_odds[0][1]}" if files.at_odds else ""
        self._leave_out(patient_id, without_identifiers(reason, files), shown_reason(reason, path) + others, row)

    def _leave_out(self, patient_id: str, reason: str, shown: str, row: int | None = None) -> None:
        self.outcome.changed.pop(patient_id, None)
        pseudonym = self._pseudonym(patient_id)
        kept = pseudonym in self.register.in_cohort
        self.outcome.left_out.append(LeftOut(patient_id, pseudonym, reason, shown, row, kept))

    def _pseudonym(self, patient_id: str) -> str:
        return self.register.key.pseudonym(patient_id)

    def _clinical(self, patient_id: str) -> dict[str, str]:
        cells = self.table.rows[self.matches.pairs[patient_id]].cells
        return {name: cells.get(name, "") for name in self.table.columns}


def _said(matches: Matches) -> tuple[str, ...]:
    if not matches.by_zeros:
        return ()
    ids = named(matches.by_zeros)
    return (f"{len(matches.by_zeros)} id(s) without leading zeros in the spreadsheet matched: {ids}",)
