"""What a site folder knows of its imports: key, ledger and table, opened together and saved together."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from client.intake.cohort_file import CohortFile, open_cohort
from client.intake.conversion import UNFINISHED, output_names
from client.intake.ledger import LEDGER_FILE, Imported, Ledger, read_ledger, write_ledger
from client.intake.pseudonyms import KEY_FILE, PSEUDONYM, PseudonymKey, load_key, make_key
from client.site import Site
from common.errors import DataError

SECONDS_BETWEEN_SAVES = 2.0
ACQUISITION = ("manufacturer", "convolution_kernel", "tube_current_ma", "slice_thickness_mm")


@dataclass
class Register:
    """Key, imported patients by pseudonym, and cohort.csv; `save` leaves both files whole."""

    site: Site
    key: PseudonymKey
    patients: dict[str, Imported]
    cohort: CohortFile
    unsaved: bool = False
    last_save: float = field(default_factory=time.monotonic)

    @property
    def in_cohort(self) -> set[str]:
        """Imported patients that have a row in cohort.csv."""
        return set(self.patients) & set(self.cohort.rows)

    def record(self, pseudonym: str, imported: Imported, clinical: Mapping[str, str]) -> None:
        """Take in a patient that was converted just now; saved when the last time is a while ago."""
        self.patients[pseudonym], self.unsaved = imported, True
        known = {name: value for name in ACQUISITION if (value := imported.acquisition.get(name, ""))}
        self.cohort.put(pseudonym, _files(pseudonym) | dict.fromkeys(ACQUISITION, "") | dict(clinical) | known)
        if time.monotonic() - self.last_save > SECONDS_BETWEEN_SAVES:
            self.save()

    def refresh(self, pseudonym: str, clinical: Mapping[str, str]) -> bool:
        """Bring the clinical cells of an imported patient up to date; say whether any changed."""
        if pseudonym not in self.cohort.rows:
            self.record(pseudonym, self.patients[pseudonym], clinical)
            return True
        cells = {name: value for name, value in clinical.items() if name not in ACQUISITION}
        return self.cohort.put(pseudonym, cells | _files(pseudonym))

    def save(self) -> None:
        """Write the ledger, then the table, its imported rows in an order that does not depend on who was faster."""
        if self.unsaved:
            write_ledger(self.site.folder / LEDGER_FILE, Ledger(key_mark=self.key.mark, patients=self.patients))
        self.cohort.sort(self.patients)
        self.cohort.write()
        self.unsaved, self.last_save = False, time.monotonic()


def open_register(site: Site) -> Register:
    """Read what a site knows of its imports; a key is made when there was none to lose.

    DataError when the key is missing or another one while the table has patients under its pseudonyms, or a file is
    damaged.
    """
    ledger, cohort = read_ledger(site.folder / LEDGER_FILE), open_cohort(site.cohort_file)
    path = site.folder / KEY_FILE
    imported = _imported(ledger, cohort)
    if not path.exists() and imported:
        raise DataError(
            f"{path}: is missing, and {len(imported)} patient(s) of {site.cohort_file} have pseudonyms made with it; "
            "bring it back from a backup, a new one would give everybody a new pseudonym"
        )
    _clear(site)
    key = load_key(path) if path.exists() else make_key(path)
    known = dict(ledger.patients) if ledger else {}
    if ledger and ledger.key_mark != key.mark:
        if imported:
            raise DataError(
                f"{path}: is not the key that made the pseudonyms in {site.folder / LEDGER_FILE}; "
                "bring the right one back from a backup"
            )
        known = {}
    return Register(site, key, known, cohort)


@contextmanager
def only_import(site: Site) -> Iterator[None]:
    """Keep other imports out of a site folder while the block runs; DataError when one is at work."""
    folder = os.open(site.folder, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise DataError(f"{site.folder}: another import is at work here; wait for it") from error
    finally:
        os.close(folder)


def _imported(ledger: Ledger | None, cohort: CohortFile) -> set[str]:
    """Patients of the table that an import named, by the ledger or by their own looks."""
    known = ledger.patients if ledger else {}
    looks = (name for name, (_, row) in cohort.rows.items() if row["image"] == output_names(name)[0])
    return (set(known) & set(cohort.rows)) | {name for name in looks if PSEUDONYM.fullmatch(name)}


def _files(pseudonym: str) -> dict[str, str]:
    return dict(zip(("image", "mask"), output_names(pseudonym), strict=True))


def _clear(site: Site) -> None:
    """Make images/ and remove what a killed import left half written."""
    images = site.folder / "images"
    images.mkdir(exist_ok=True)
    for left in images.glob(f"{UNFINISHED}*"):
        shutil.rmtree(left, ignore_errors=True)
