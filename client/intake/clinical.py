"""The clinic's spreadsheet as rows of cohort.csv, each patient checked on its own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from client.intake.cells import CellError, is_empty, own_value, tidy
from client.intake.cohort_rule import cohort_of
from client.intake.grid import read_grid
from client.intake.header import PFS_MONTHS, Header, count_known, find_header, plain
from client.intake.reading_notes import reading_notes
from client.intake.value_rules import ValueRules
from client.intake.workbook import Line
from common.errors import DataError

_FOOTERS = ("total", "sum", "summe", "gesamt", "合计", "总计")
"""How a line below the patients begins in the column of their ids."""


@dataclass(frozen=True)
class Fault:
    """Why a patient's row cannot be used: `reason` may be written down, `shown` also has what was given."""

    reason: str
    shown: str
    row: int


@dataclass(frozen=True)
class ClinicalRow:
    """One patient's values by our columns; the row is that of the file."""

    row: int
    cells: Mapping[str, str]


@dataclass(frozen=True)
class ClinicalTable:
    """Rows and faults by the patient's id as the spreadsheet has it, and sentences on how it was read."""

    rows: Mapping[str, ClinicalRow]
    faults: Mapping[str, Fault]
    columns: tuple[str, ...]
    said: tuple[str, ...] = field(default=())

    @property
    def patient_ids(self) -> tuple[str, ...]:
        """All patients of the spreadsheet."""
        return (*self.rows, *self.faults)


def read_clinical(path: Path, *, sheet: str | None, maps: Mapping[str, str], values: ValueRules) -> ClinicalTable:
    """Read the spreadsheet; DataError when it is no table of patients, a Fault for a patient that cannot be used."""
    grid = read_grid(path, sheet=sheet, fit=lambda lines: count_known(lines, maps))
    header = find_header(grid.lines, maps, source=str(path))
    lines, footers = _without_footers(grid.lines, header)
    by_patient, without = _by_patient(lines, header)
    if not by_patient:
        raise DataError(f"{path}: has no patient below the header in row {header.line}; write one row a patient")
    _check_units(by_patient, header, path)
    rows: dict[str, ClinicalRow] = {}
    faults: dict[str, Fault] = {}
    for patient_id, lines in by_patient.items():
        outcome = _patient(lines, header, values)
        if isinstance(outcome, Fault):
            faults[patient_id] = outcome
        else:
            rows[patient_id] = outcome
    notes = reading_notes(
        header,
        rows={name: one.cells for name, one in rows.items()},
        smoking=[cell for cell in _smoking(by_patient, header) if cell.casefold() not in values.get("smoking", {})],
        without_id=without,
    )
    return ClinicalTable(rows, faults, _written(header), (*grid.said, *notes, *footers))


def _without_footers(lines: Sequence[Line], header: Header) -> tuple[list[Line], list[str]]:
    """The lines but for those that begin as a total does and say nothing of a patient, and a sentence on these."""
    footers = []
    for line in lines:
        cells = _ours(line, header)
        name = cells.pop("patient_id").casefold()
        begins = any(name.startswith(word) and not name[len(word) :][:1].isalpha() for word in _FOOTERS)
        if line.number > header.line and begins and all(is_empty(cell) for cell in cells.values()):
            footers.append(line)
    said = f"row {' and '.join(str(line.number) for line in footers)} is a total, no patient, and left out"
    return [line for line in lines if line not in footers], [said] if footers else []


def _by_patient(lines: Sequence[Line], header: Header) -> tuple[dict[str, list[Line]], list[int]]:
    """The lines of each patient, identical ones once, and the numbers of the lines without an id."""
    place, name = header.places["patient_id"], header.names["patient_id"]
    found: dict[str, list[Line]] = {}
    without = []
    for line in lines:
        if line.number <= header.line:
            continue
        patient_id = tidy(line.cells[place]) if place < len(line.cells) else ""
        if is_empty(patient_id):
            without.append(line.number)
        elif plain(patient_id) != plain(name):  # a header printed again on the next page
            same = found.setdefault(patient_id, [])
            if all(_ours(line, header) != _ours(other, header) for other in same):
                same.append(line)
    return found, without


def _ours(line: Line, header: Header) -> dict[str, str]:
    return {name: tidy(line.cells[place]) if place < len(line.cells) else "" for name, place in header.places.items()}


def _patient(lines: Sequence[Line], header: Header, values: ValueRules) -> ClinicalRow | Fault:
    row = lines[0].number
    if len(lines) > 1:
        numbers = " and ".join(str(line.number) for line in lines)
        reason = f"stands in rows {numbers} with different values; a patient has one row, keep one"
        return Fault(reason, reason, row)
    if any(cell.strip() for cell in lines[0].cells[header.width :]):
        reason = f"has {len(lines[0].cells)} cells, the header {header.width}; put quotes around values with separators"
        return Fault(reason, reason, row)
    cells, faults = {}, []
    for column, text in _ours(lines[0], header).items():
        if column == "patient_id":
            continue
        try:
            cells[column] = own_value(column, text, values.get("pfs_days" if column == PFS_MONTHS else column, {}))
        except CellError as error:
            where = f"{column} (column {header.names[column]})"
            faults.append((f"{column} {error.rule}", f"{where} is {error.given[:60]!r}, it {error.rule}"))
    if faults:
        reasons, shown = zip(*faults, strict=True)
        return Fault("; ".join(reasons), "; ".join(shown), row)
    if PFS_MONTHS in cells:
        cells["pfs_days"] = cells.pop(PFS_MONTHS)
    cohort, fault = cohort_of(cells)
    return Fault(fault, fault, row) if fault else ClinicalRow(row, cells | {"cohort": cohort})


def _smoking(by_patient: Mapping[str, Sequence[Line]], header: Header) -> list[str]:
    return [_ours(line, header).get("smoking", "") for lines in by_patient.values() for line in lines]


def _written(header: Header) -> tuple[str, ...]:
    """Our columns that the spreadsheet decides on."""
    own = (name for name in header.places if name not in ("patient_id", PFS_MONTHS))
    return tuple(dict.fromkeys(("cohort", *own, *(["pfs_days"] if PFS_MONTHS in header.places else []))))


def _check_units(by_patient: Mapping[str, Sequence[Line]], header: Header, path: Path) -> None:
    """Refuse PFS that says no unit and is no number of days, and TPS as a fraction."""
    lines = [_ours(line, header) for same in by_patient.values() for line in same]
    if header.pfs_unit_is_open and any(_has_fraction(line["pfs_days"]) for line in lines):
        name = header.names["pfs_days"]
        raise DataError(
            f"{path}: column {name} says no unit and has values that are no whole days; "
            f"give --map pfs_months={name}, or call the column pfs_days"
        )
    tps = [line["tps"] for line in lines if "tps" in line and not is_empty(line["tps"])]
    if any(_has_fraction(cell) for cell in tps) and all(_below_one(cell) for cell in tps):
        raise DataError(
            f"{path}: all values of {header.names['tps']} lie between 0 and 1, TPS is a percentage from 0 to 100; "
            "multiply them by 100"
        )


def _has_fraction(cell: str) -> bool:
    value = _float(cell)
    return math.isfinite(value) and value % 1 != 0


def _below_one(cell: str) -> bool:
    return 0 <= _float(cell) <= 1


def _float(cell: str) -> float:
    """The plain number of a cell; infinity, which has no fraction and is not below one, when it is none."""
    try:
        return float(cell.replace(",", "."))
    except ValueError:
        return float("inf")
