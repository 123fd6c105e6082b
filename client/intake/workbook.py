"""The cells of an .xlsx as the clinic sees them: merged cells filled, percentages in percent, dates as dates."""

from __future__ import annotations

import datetime
import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl

from common.errors import DataError, UsageError

FORMULA = "=formula"
"""Text of a cell whose formula was never computed."""


@dataclass(frozen=True)
class Line:
    """One line of a spreadsheet: its number in the file, from 1, and its cells."""

    number: int
    cells: tuple[str, ...]


def read_workbook(path: Path, data: bytes, *, sheet: str | None) -> tuple[tuple[Line, ...], tuple[str, ...]]:
    """The lines of one sheet, and a sentence that names it; the first sheet with data unless `sheet` names one.

    DataError when it is damaged or has no data, UsageError when there is no such sheet.
    """
    values, formulas = _open(path, data, data_only=True), _open(path, data, data_only=False)
    found = {one.title: _lines(one, formulas[one.title]) for one in values.worksheets}
    if sheet is not None:
        name = next((title for title in found if title.strip().casefold() == sheet.strip().casefold()), None)
        if name is None:
            raise UsageError(f"--sheet {sheet}: {path} has the sheets {', '.join(found)}; name one of them")
        return found[name], ()
    filled = [title for title, lines in found.items() if lines]
    if not filled:
        raise DataError(f"{path}: no sheet has data; give a table with a header and one row a patient")
    others = f"; not read: {', '.join(filled[1:])} (--sheet)" if len(filled) > 1 else ""
    return found[filled[0]], (f"sheet {filled[0]} of {path.name} is read{others}",)


def _open(path: Path, data: bytes, *, data_only: bool) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return openpyxl.load_workbook(io.BytesIO(data), data_only=data_only)
    except Exception as error:  # a damaged workbook makes the reader raise nearly anything
        reason = f"is no .xlsx that can be read ({type(error).__name__})"
        raise DataError(f"{path}: {reason}; open it in the spreadsheet program and save it again") from error


def _lines(values: Any, formulas: Any) -> tuple[Line, ...]:
    texts = {(cell.row, cell.column): _text(cell, formulas) for row in values.iter_rows() for cell in row}
    for area in values.merged_cells.ranges:
        content = texts.get((area.min_row, area.min_col), "")
        texts |= {place: content for row in area.rows for place in row}
    width = max((column for (_, column), text in texts.items() if text.strip()), default=0)
    rows = sorted({row for (row, _), text in texts.items() if text.strip()})
    return tuple(Line(row, tuple(texts.get((row, column), "") for column in range(1, width + 1))) for row in rows)


def _text(cell: Any, formulas: Any) -> str:
    value = cell.value
    if value is None:
        # looked up without making a cell, which would count as one of the sheet
        other = formulas._cells.get((cell.row, cell.column))
        return FORMULA if other is not None and other.data_type == "f" else ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        percent = isinstance(cell.number_format, str) and "%" in cell.number_format
        return f"{value * 100:.10g}%" if percent else f"{value:.15g}"
    if isinstance(value, datetime.datetime):
        return value.date().isoformat()
    return value.isoformat() if isinstance(value, datetime.date | datetime.time) else str(value)
