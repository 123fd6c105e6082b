"""What a cell of the clinic's spreadsheet says in the words and numbers of cohort.csv."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from client.cohort import RANGES, WORDS
from client.intake.header import PFS_MONTHS, plain
from client.intake.workbook import FORMULA

DAYS_PER_MONTH = 30.4375
"""365.25 / 12."""

_EMPTY = {"", "na", "n/a", "#n/a", "nan", "none", "null", "unknown", "unk", "unbekannt", "不详", "未知",
          "-", "--", "–", "—", ".", "?"}  # fmt: skip
FORMER = ("former", "former smoker", "ex", "ex smoker", "ex raucher", "ehemalig")
_SPELLINGS: dict[str, dict[str, tuple[str, ...]]] = {
    "sex": {
        "male": ("m", "man", "mann", "männlich", "masculin", "男", "男性"),
        "female": ("f", "w", "woman", "frau", "weiblich", "féminin", "女", "女性"),
    },
    "smoking": {
        "never": ("never smoker", "never smoked", "non smoker", "nonsmoker", "nie", "nichtraucher", "从不", "无"),
        "occasionally": ("occasional", *FORMER, "gelegentlich", "偶尔"),
        "constantly": ("constant", "current", "current smoker", "经常"),
    },
    "family_history": {
        "no": ("n", "0", "false", "nein", "无", "否"),
        "yes": ("y", "1", "true", "ja", "有", "是"),
    },
    "progressed": {
        "0": ("no", "n", "false", "nein", "censored", "not progressed", "0 not progressed", "否"),
        "1": ("yes", "y", "true", "ja", "progressed", "progression", "event", "1 progressed", "是"),
    },
    "treatment": {
        "monotherapy": ("mono", "单药"),
        "combination": ("combo", "combined", "combination therapy", "联合"),
    },
    "split": {"training": ("train",), "validation": ("valid", "val"), "test": ()},
    "cohort": {"expression": (), "immunotherapy": ()},
}
_UNITS: dict[str, str] = {
    "tps": r"%|percent|prozent",
    "age": r"y|yr|yrs|years?|years? old|j|jahre?|岁",
    "pfs_days": r"d|days?|tage?|天|日",
    PFS_MONTHS: r"m|mo|mos|months?|mon|monate?|月|个月",
    "tube_current_ma": r"ma",
    "slice_thickness_mm": r"mm",
}
_NUMBER = re.compile(r"([+-]?\d+(?:[.,]\d+)?)\s*([^\d\s.,].*)?")
_DATE = re.compile(r"\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./](?:\d{4}|\d{2})|\d{4}年.*|\d{2}:\d{2}.*")
_RANGE = re.compile(r"[<>≤≥~≈].*|\d[\d.,]*\s*%?\s*(?:-|–|—|to|bis)\s*\d.*|\d[\d.,]*\s*\+")


class CellError(Exception):
    """A cell that cannot be taken: `rule` with its remedy may be written down, `given` is for the screen only."""

    def __init__(self, given: str, rule: str) -> None:
        super().__init__(f"{given!r}: {rule}")
        self.given = given
        self.rule = rule


def tidy(text: str) -> str:
    """One line, in the usual forms of letters and digits, without spaces at its ends."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def is_empty(text: str) -> bool:
    """Whether a cell says nothing."""
    return tidy(text).casefold() in _EMPTY


def own_value(column: str, text: str, given: Mapping[str, str]) -> str:
    """The value cohort.csv gets, empty when the cell says nothing.

    `given` are the column's words of `--value`, by the folded text of the cell. CellError when the value is unknown,
    ambiguous, a range, a date or beyond what is possible.
    """
    cell = tidy(text)
    if cell.casefold() in given:
        return given[cell.casefold()]
    if is_empty(cell):
        return ""
    if cell == FORMULA:
        raise CellError(cell, "is a formula without a value; open the file in the spreadsheet program and save it")
    if column in _SPELLINGS:
        return _word(column, cell)
    return _number(column, cell) if column in _UNITS else cell


def _word(column: str, cell: str) -> str:
    for ours, theirs in _SPELLINGS[column].items():
        if plain(cell) in {plain(ours), *map(plain, theirs)}:
            return ours
    words = " or ".join(WORDS[column])
    if re.fullmatch(r"\d+(\.0)?", cell):
        remedy = f"say it, as in --value {column}:{cell}={WORDS[column][0]}"
        raise CellError(cell, f"is a number whose meaning is not known; {remedy}")
    raise CellError(cell, f"is not known, it must be {words}; say what it means: --value {column}:THEIRS=OURS")


def _number(column: str, cell: str) -> str:
    if _DATE.fullmatch(cell):
        raise CellError(cell, "is a date where a number belongs; give the number, or format the cell as a number")
    if _RANGE.fullmatch(cell):
        raise CellError(cell, "is a range; give one number")
    match = _NUMBER.fullmatch(cell)
    if match is None:
        raise CellError(cell, "is no number; give one, or leave the cell empty")
    digits, unit = match.group(1), match.group(2)
    if unit and not re.fullmatch(_UNITS[column], unit.strip(". ").casefold()):
        raise CellError(cell, f"has the unit {unit!r}, which {column} does not; give the number alone")
    if re.fullmatch(r"[+-]?[1-9]\d{0,2},\d{3}", digits):
        raise CellError(cell, "may have a thousands separator or a decimal comma; write it without the comma")
    return _in_range(column, float(digits.replace(",", ".")), cell)


def _in_range(column: str, value: float, cell: str) -> str:
    factor = DAYS_PER_MONTH if column == PFS_MONTHS else 1
    low, high = RANGES["pfs_days" if column == PFS_MONTHS else column]
    if not low <= value * factor <= high:
        raise CellError(cell, f"is beyond what is possible, {low:g} to {high / factor:.6g}; correct it")
    return f"{round(value * factor, 4):.10g}"
