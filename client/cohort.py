"""cohort.csv of a site: one row a patient, each checked on its own."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from client.quarantine import Quarantined
from client.site import COHORT_COLUMNS, Site
from common.errors import DataError

WORDS: dict[str, tuple[str, ...]] = {
    "cohort": ("expression", "immunotherapy"),
    "sex": ("male", "female"),
    "smoking": ("never", "occasionally", "constantly"),
    "family_history": ("no", "yes"),
    "treatment": ("monotherapy", "combination"),
    "split": ("training", "validation", "test"),
    "progressed": ("0", "1"),
}
RANGES: dict[str, tuple[float, float]] = {
    "tps": (0, 100),
    "age": (0, 120),
    "pfs_days": (0, 20_000),
    "tube_current_ma": (0, 5_000),
    "slice_thickness_mm": (0, 50),
}
REQUIRED = ("patient_id", "cohort", "image", "mask")


@dataclass(frozen=True)
class Cohort:
    """The patients that can be read, indexed by patient_id, and those that cannot; `row` is the line in the file."""

    patients: pd.DataFrame
    quarantined: tuple[Quarantined, ...]


def read_cohort(site: Site) -> Cohort:
    """Read a site's table; DataError when it is no such table, quarantine for a single wrong row."""
    rows = _rows(site.cohort_file)
    repeated = {name for name, times in Counter(row["patient_id"] for _, row in rows).items() if times > 1}
    good: list[dict[str, Any]] = []
    quarantined: list[Quarantined] = []
    for line, row in rows:
        reason = _repeated(row, rows) if row["patient_id"] in repeated else _fault(row)
        if reason:
            quarantined.append(Quarantined(row["patient_id"], reason, site.cohort_file.name, line))
        else:
            good.append(_typed(row) | {"row": line})
    return Cohort(_frame(good), tuple(quarantined))


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        columns = ", ".join(COHORT_COLUMNS)
        raise DataError(f"{path}: is missing; write one row a patient with the columns {columns}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error}); save it as CSV in UTF-8") from error
    reader = csv.DictReader(io.StringIO(text))
    _check_columns(path, reader.fieldnames or [])
    rows = [(reader.line_num, {key: (value or "").strip() for key, value in row.items() if key}) for row in reader]
    rows = [(line, row) for line, row in rows if any(row.values())]
    if not rows:
        raise DataError(f"{path}: has no patient; write one row a patient below the header")
    return rows


def _check_columns(path: Path, found: Any) -> None:
    if missing := [name for name in COHORT_COLUMNS if name not in found]:
        raise DataError(f"{path}: has no column {', '.join(missing)}; add it, empty where the value is unknown")
    if twice := [name for name, times in Counter(found).items() if times > 1]:
        raise DataError(f"{path}: has the column {', '.join(twice)} twice; keep one of each")


def _repeated(row: dict[str, str], rows: list[tuple[int, dict[str, str]]]) -> str:
    name = row["patient_id"]
    lines = ", ".join(str(line) for line, other in rows if other["patient_id"] == name)
    divisions = sorted({other["split"] for _, other in rows if other["patient_id"] == name and other["split"]})
    if len(divisions) > 1:
        return f"stands in rows {lines}, in the divisions {' and '.join(divisions)}; a patient is in one, keep one row"
    return f"stands in rows {lines}; a patient has one row, keep one"


def _fault(row: dict[str, str]) -> str:
    for column in REQUIRED:
        if not row[column]:
            return f"{column} is empty, it is needed; fill it in or remove the row"
    for column, words in WORDS.items():
        if row[column] and row[column] not in words:
            return f"{column} is {row[column]!r}, it must be {', '.join(words)} or empty; correct the word"
    for column, (low, high) in RANGES.items():
        if row[column] and not _within(row[column], low, high):
            return f"{column} is {row[column]!r}, it must be a number from {low:g} to {high:g} or empty; correct it"
    for column in ("image", "mask"):
        if Path(row[column]).is_absolute() or ".." in Path(row[column]).parts:
            return (
                f"{column} is {row[column]!r}, it must lie in the site folder; move it there and name it relative to it"
            )
    return ""


def _within(text: str, low: float, high: float) -> bool:
    try:
        return low <= float(text) <= high
    except ValueError:
        return False


def _typed(row: dict[str, str]) -> dict[str, Any]:
    numbers = (*RANGES, "progressed")
    return {
        column: (float(row[column]) if row[column] else float("nan")) if column in numbers else row[column]
        for column in COHORT_COLUMNS
    }


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=[*COHORT_COLUMNS, "row"])
    return frame.set_index("patient_id")
