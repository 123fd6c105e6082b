"""cohort.csv with rows added and brought up to date; every other row stays byte for byte."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

from client.site import COHORT_COLUMNS
from common import atomic
from common.errors import DataError

_BOM = "\ufeff"


@dataclass
class CohortFile:
    """The text of a site's table in records; `write` puts the changed ones in their place and new ones at the end."""

    path: Path
    header: list[str]
    records: list[str]
    """The header's text and each record's, with their line ends."""
    rows: dict[str, tuple[int, dict[str, str]]]
    """By patient_id: the place in `records` and the cells; of a repeated id the first."""
    newline: str
    changed: bool = field(default=False)

    def put(self, patient_id: str, cells: Mapping[str, str]) -> bool:
        """Set cells of a patient's row, which is added when there is none; say whether anything changed."""
        place, before = self.rows.get(patient_id, (len(self.records), {"patient_id": patient_id}))
        after = before | dict(cells)
        if place < len(self.records) and after == before:
            return False
        self.rows[patient_id] = (place, after)
        self.records[place : place + 1] = [self._text(after)]
        self.changed = True
        return True

    def sort(self, patient_ids: Collection[str]) -> None:
        """Put the rows of these patients in the order of their ids, in the places that they have between them."""
        names = sorted(name for name in self.rows if name in patient_ids)
        before = {name: self.rows[name][0] for name in names}
        texts = {name: self.records[place] for name, place in before.items()}
        for name, place in zip(names, sorted(before.values()), strict=True):
            self.records[place], self.rows[name] = texts[name], (place, self.rows[name][1])
            self.changed |= place != before[name]

    def write(self) -> None:
        """Replace the file in one step when something changed."""
        if self.changed:
            atomic.write_bytes(self.path, "".join(self.records).encode("utf-8", "surrogateescape"))
            self.changed = False

    def _text(self, cells: Mapping[str, str]) -> str:
        text = io.StringIO()
        csv.writer(text, lineterminator=self.newline).writerow([cells.get(name, "") for name in self.header])
        return text.getvalue()


def open_cohort(path: Path) -> CohortFile:
    """Read a site's table for changing; DataError when it is no table with our columns."""
    try:
        # what is no UTF-8 in a row from elsewhere goes back as it was
        text = path.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        text = ",".join(COHORT_COLUMNS) + "\n"
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); permit it, then run again") from error
    records, parsed = _records(path, text)
    header = [name.strip().removeprefix(_BOM) for name in parsed[0]] if parsed else []
    if missing := [name for name in COHORT_COLUMNS if name not in header]:
        raise DataError(f"{path}: has no column {', '.join(missing)}; add what is missing to its header, with commas")
    newline = "\r\n" if records[0].endswith("\r\n") else "\n"
    if not records[-1].endswith(("\n", "\r")):
        records[-1] += newline
    return CohortFile(path, header, records, _rows(header, parsed), newline)


def _records(path: Path, text: str) -> tuple[list[str], list[list[str]]]:
    """The text of each record and its cells."""
    lines = io.StringIO(text, newline="").readlines()
    reader = csv.reader(lines, strict=True)
    records, parsed, start = [], [], 0
    try:
        for cells in reader:
            records.append("".join(lines[start : reader.line_num]))
            parsed.append(cells)
            start = reader.line_num
    except csv.Error as error:
        raise DataError(f"{path}: is not a CSV table ({error}); look for a lone quote near line {start + 1}") from error
    return records, parsed


def _rows(header: list[str], parsed: list[list[str]]) -> dict[str, tuple[int, dict[str, str]]]:
    found: dict[str, tuple[int, dict[str, str]]] = {}
    for place, cells in enumerate(parsed):
        row = dict(zip_longest(header, (cell.strip() for cell in cells[: len(header)]), fillvalue=""))
        if place and row["patient_id"]:
            found.setdefault(row["patient_id"], (place, row))
    return found
