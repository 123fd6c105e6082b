"""cohort.csv of a site: one row a patient, each checked on its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from client.cohort_table import BEYOND, Row, read_rows
from client.quarantine import Quarantined
from client.site import COHORT_COLUMNS, Site

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
REQUIRED_WITHOUT_IMAGES = ("patient_id", "cohort")


@dataclass(frozen=True)
class Cohort:
    """The patients that can be read, indexed by patient_id, and those that cannot; `row` is the line in the file."""

    patients: pd.DataFrame
    quarantined: tuple[Quarantined, ...]


def read_cohort(site: Site, *, images: bool = True) -> Cohort:
    """Read a site's table; DataError when it is no such table, quarantine for a single wrong row.

    `images` says whether every patient needs an image and a mask.
    """
    required = REQUIRED if images else REQUIRED_WITHOUT_IMAGES
    rows = read_rows(site.cohort_file)
    of_patient = defaultdict(list)
    for one in rows:
        of_patient[one[1]["patient_id"]].append(one)
    good: list[dict[str, Any]] = []
    quarantined: list[Quarantined] = []
    for line, row in rows:
        same = of_patient[row["patient_id"]]
        reason = _unreadable(row) or (_repeated(same) if len(same) > 1 else _fault(row, required))
        if reason:
            quarantined.append(Quarantined(_printable(row["patient_id"]), reason, site.cohort_file.name, line))
        else:
            good.append(_typed(row) | {"row": line})
    return Cohort(_frame(good), tuple(quarantined))


def _repeated(rows: Sequence[Row]) -> str:
    lines = ", ".join(str(line) for line, _ in rows)
    divisions = sorted({row["split"] for _, row in rows if row["split"]})
    if len(divisions) > 1:
        return f"stands in rows {lines}, in the divisions {' and '.join(divisions)}; a patient is in one, keep one row"
    return f"stands in rows {lines}; a patient has one row, keep one"


def _unreadable(row: dict[str, str]) -> str:
    if BEYOND in row:
        return f"has {row[BEYOND]} cells, the header {len(row) - 1}; put quotes around values with commas"
    if wrong := [column for column, cell in row.items() if not cell.isprintable()]:
        return f"{wrong[0]} holds a line break or a control character; look for a lone quote, and remove it"
    return "" if row["patient_id"] else "patient_id is empty, it is needed; fill it in or remove the row"


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)[:80]


def _fault(row: dict[str, str], required: Sequence[str]) -> str:
    for column in required:
        if not row[column]:
            return f"{column} is empty, it is needed; fill it in or remove the row"
    for column, words in WORDS.items():
        if row[column] and row[column] not in words:
            allowed = (*words, *(() if column in REQUIRED else ("empty",)))
            return f"{column} is {row[column]!r}, it must be {' or '.join(allowed)}; correct the word"
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
