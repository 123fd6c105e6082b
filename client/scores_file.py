"""scores.csv: a score a patient, from wherever it comes; each row checked on its own."""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from common.errors import DataError

COLUMNS = ("patient_id", "score")


@dataclass(frozen=True)
class Scores:
    """Scores by patient_id, the rows that were left out and why, and the SHA-256 of the file."""

    values: pd.Series
    faults: tuple[str, ...]
    sha256: str


def read_scores(path: Path, *, known: Collection[str]) -> Scores:
    """Read a table with the columns patient_id and score; `known` are the patients of cohort.csv.

    A row of an unknown patient, a patient with two rows and a score that is no number are left out and named.
    DataError when the file is no such table or nothing is left.
    """
    data = _bytes(path)
    rows = _rows(path, data)
    times = Counter(row["patient_id"] for _, row in rows)
    found, faults = {}, []
    for line, row in rows:
        name = row["patient_id"]
        if fault := _fault(row, times[name], known):
            faults.append(f"{path.name} row {line}: patient {name}: {fault}")
        else:
            found[name] = float(row["score"])
    if not found:
        raise DataError(f"{path}: no row can be used; the first: {faults[0] if faults else 'there is none'}")
    return Scores(pd.Series(found, dtype=float), tuple(faults), hashlib.sha256(data).hexdigest())


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); give a CSV with patient_id and score") from error


def _rows(path: Path, data: bytes) -> list[tuple[int, dict[str, str]]]:
    try:
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=None), strict=True, restval="")
        header = [name.strip() for name in reader.fieldnames or []]
        if missing := [name for name in COLUMNS if name not in header]:
            found = ", ".join(header) or "none"
            raise DataError(f"{path}: has no column {' and no column '.join(missing)} (it has {found}); name them so")
        reader.fieldnames = header
        return [(reader.line_num, {name: row[name].strip() for name in COLUMNS}) for row in reader]
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path}: is not a CSV table in UTF-8 ({error}); save it as one, with commas") from error


def _fault(row: dict[str, str], times: int, known: Collection[str]) -> str:
    if times > 1:
        return f"has {times} scores; keep one row"
    if row["patient_id"] not in known:
        return "is not in cohort.csv, or is in quarantine there; correct the id or leave the row out"
    try:
        value = float(row["score"])
    except ValueError:
        value = math.nan
    return "" if math.isfinite(value) else f"score is {row['score']!r}, it must be a number; correct it"
