"""The import: match the patients, convert those that are new or changed, bring the table up to date."""

from __future__ import annotations

import time

from client.dicom import DicomTree, check_roi_rule, read_tree
from client.intake.asked import Asked
from client.intake.clinical import ClinicalTable, read_clinical
from client.intake.matching import Matches, match_patients
from client.intake.outcome import Outcome
from client.intake.patient_import import PatientImport
from client.intake.reading_notes import named
from client.intake.register import only_import, open_register
from client.site import Site
from common.errors import DataError


def import_patients(site: Site, asked: Asked) -> Outcome:
    """Import what is new or changed; an interrupted import keeps what it has done.

    DataError when tree, spreadsheet or site folder cannot be used at all; a single patient goes to quarantine.
    """
    start = time.perf_counter()
    if asked.roi is not None:
        check_roi_rule(asked.roi)
    if asked.tree.resolve() in (site.folder.resolve(), *site.folder.resolve().parents):
        raise DataError(f"{asked.tree}: the site folder {site.folder} lies in it; name the folder with the DICOM alone")
    table = read_clinical(asked.clinical, sheet=asked.sheet, maps=asked.maps, values=asked.values)
    with only_import(site):
        register = open_register(site)
        tree = read_tree(asked.tree, patient_from=asked.patient_from, jobs=asked.jobs)
        work = PatientImport(register, tree, table, _matches(asked, tree, table), asked)
        try:
            work.run()
        finally:
            register.save()
    work.outcome.seconds = time.perf_counter() - start
    return work.outcome


def _matches(asked: Asked, tree: DicomTree, table: ClinicalTable) -> Matches:
    """Who is who; DataError when nobody is in both."""
    if not tree.patients:
        raise DataError(
            f"{asked.tree}: has {tree.files} file(s), none of a patient's CT; name the folder with the DICOM"
        )
    matches = match_patients(tree.patients, table.patient_ids)
    if not matches.pairs:
        folders = match_patients(_folders(tree), table.patient_ids).pairs
        remedy = (
            f"{len(folders)} name(s) of folders do: give --patient-from folder"
            if folders
            else "see which column or tag holds the right id, and give --map patient_id=COLUMN"
        )
        raise DataError(
            f"none of the {len(tree.patients)} patient(s) in {asked.tree} ({named(tree.patients)}) is one of the "
            f"{len(table.patient_ids)} in {asked.clinical} ({named(table.patient_ids)}); {remedy}"
        )
    return matches


def _folders(tree: DicomTree) -> set[str]:
    """The first folders below the root that hold CT."""
    paths = (one.path.relative_to(tree.root).parts for files in tree.patients.values() for one in files.ct)
    return {parts[0] for parts in paths if len(parts) > 1}
