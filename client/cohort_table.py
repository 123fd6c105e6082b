"""cohort.csv as text: which columns it has and in which line each row begins."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from client.site import COHORT_COLUMNS
from common.errors import DataError

if TYPE_CHECKING:
    from _csv import Reader as CsvReader

BEYOND = ""
"""Key of a row that has more cells than the header; its value is their number."""

Row = tuple[int, dict[str, str]]


def read_rows(path: Path) -> list[Row]:
    """The rows that are not empty, each with the line it begins in; DataError when the file is no such table."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        remedy = f"write a table with the header {','.join(COHORT_COLUMNS)}"
        raise DataError(f"{path}: cannot be read ({error.strerror}); {remedy}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is not text in UTF-8 ({error.reason}); save it as CSV in UTF-8") from error
    try:
        rows = _parse(path, csv.reader(io.StringIO(text, newline=None), strict=True))
    except csv.Error as error:
        raise DataError(f"{path}: is not a CSV table ({error}); look for a lone quote") from error
    if not rows:
        raise DataError(f"{path}: has no patient; write one row a patient below the header")
    return rows


def _parse(path: Path, reader: CsvReader) -> list[Row]:
    header = [name.strip() for name in next(reader, [])]
    _check_header(path, header)
    rows, line = [], reader.line_num + 1
    for cells in reader:
        row = dict(zip_longest(header, (cell.strip() for cell in cells[: len(header)]), fillvalue=""))
        if any(row.values()):
            rows.append((line, row | ({BEYOND: str(len(cells))} if len(cells) > len(header) else {})))
        line = reader.line_num + 1
    return rows


def _check_header(path: Path, header: Sequence[str]) -> None:
    if len(header) <= 1 and (separators := [sign for sign in ";\t" if sign in "".join(header)]):
        raise DataError(f"{path}: its cells are separated by {separators[0]!r}; save it as CSV with commas")
    if missing := [name for name in COHORT_COLUMNS if name not in header]:
        found = ", ".join(header) or "none"
        raise DataError(
            f"{path}: has no column {', '.join(missing)} (it has {found}); add what is missing, in lower case, "
            "with empty cells where a value is unknown"
        )
    if twice := [name for name, times in Counter(header).items() if times > 1]:
        raise DataError(f"{path}: has the column {', '.join(twice)} twice; keep one of each")
