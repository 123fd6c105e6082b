"""Spreadsheets as clinics write them, for tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import openpyxl

from client.intake.clinical import ClinicalTable, read_clinical
from client.intake.header import parse_maps
from client.intake.value_rules import parse_values


def write_xlsx(path: Path, rows: Sequence[Sequence[Any]], *, merge: Iterable[str] = (), title: str = "Data") -> Path:
    """Write one sheet; `merge` are ranges such as A1:C1."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = title
    for row in rows:
        sheet.append(row)
    for area in merge:
        sheet.merge_cells(area)
    book.save(path)
    return path


def write_text(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def read(
    path: Path, *, maps: Iterable[str] = (), values: Iterable[str] = (), sheet: str | None = None
) -> ClinicalTable:
    """Read a spreadsheet with options as the command line has them."""
    return read_clinical(path, sheet=sheet, maps=parse_maps(maps), values=parse_values(values))
