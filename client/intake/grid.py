"""A spreadsheet as lines of text cells, from CSV in any usual encoding or from .xlsx."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import charset_normalizer

from client.intake.workbook import Line, read_workbook
from common.errors import DataError, UsageError

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}
LARGEST_BYTES = 200_000_000
_OTHER_ENCODINGS = ["gb18030", "cp1252", "latin_1"]
_NAMES = {"gb18030": "GB18030", "cp1252": "Windows-1252", "latin_1": "Latin-1"}
_OLD_OR_LOCKED = b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True)
class Grid:
    """The lines of a spreadsheet that hold something, and what was taken for granted to read them."""

    lines: tuple[Line, ...]
    said: tuple[str, ...] = ()


def read_grid(path: Path, *, sheet: str | None, fit: Callable[[tuple[Line, ...]], int]) -> Grid:
    """Read a .csv or .xlsx, told apart by content; DataError when it is neither.

    `fit` says how many columns are recognised in lines, by which the separator of a CSV is chosen.
    """
    data = _bytes(path)
    if data.startswith(_OLD_OR_LOCKED):
        raise DataError(f"{path}: is an old .xls or has a password; save it as .xlsx without one, or as .csv")
    if data.startswith(b"PK"):
        lines, said = read_workbook(path, data, sheet=sheet)
        return Grid(lines, said)
    if sheet is not None:
        raise UsageError(f"--sheet {sheet}: {path} is no .xlsx; leave --sheet out")
    text, encoding = _decode(path, data)
    lines, delimiter = _split(path, text, fit)
    return Grid(lines, (f"{path.name} is read as {encoding}, separated by {delimiter}",))


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise DataError(f"{path}: is larger than {LARGEST_BYTES // 1_000_000} MB; give the table of patients")
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); give the clinic's table, .csv or .xlsx") from error
    if not data.strip():
        raise DataError(f"{path}: is empty; give a table with a header and one row a patient")
    return data


def _decode(path: Path, data: bytes) -> tuple[str, str]:
    """The text and the name of its encoding, which is certain with a BOM or as UTF-8 and else guessed."""
    try:
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            return data.decode("utf-16"), "UTF-16"
        if b"\0" not in data:
            return data.decode("utf-8-sig"), "UTF-8"
        return data.decode("utf-16-le" if data[1:2] == b"\0" else "utf-16-be"), "UTF-16 (guessed)"
    except UnicodeDecodeError as error:
        if b"\0" in data:
            raise DataError(f"{path}: is neither text nor .xlsx; save it as .xlsx, or as .csv in UTF-8") from error
    best = charset_normalizer.from_bytes(data, cp_isolation=_OTHER_ENCODINGS).best()
    if best is None:
        raise DataError(f"{path}: is text in no known encoding; save it as .xlsx, or as .csv in UTF-8")
    return str(best), f"{_NAMES.get(best.encoding, best.encoding)} (guessed)"


def _split(path: Path, text: str, fit: Callable[[tuple[Line, ...]], int]) -> tuple[tuple[Line, ...], str]:
    """The lines by that separator with which most columns are recognised."""
    found = {name: _parse(path, text, delimiter) for delimiter, name in DELIMITERS.items()}
    best = max(found, key=lambda name: (fit(found[name]), max((len(line.cells) for line in found[name]), default=0)))
    return found[best], best


def _parse(path: Path, text: str, delimiter: str) -> tuple[Line, ...]:
    reader = csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=None), delimiter=delimiter)
    lines, number = [], 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                lines.append(Line(number, tuple(cells)))
            number = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{path}: is not a CSV table ({error}); look for a lone quote near line {number}") from error
    return tuple(lines)
