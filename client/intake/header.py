"""Which column of the clinic's spreadsheet is which of ours."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from client.intake.workbook import Line
from client.site import COHORT_COLUMNS
from common.errors import DataError, UsageError

PFS_MONTHS = "pfs_months"
PFS_BARE = ("pfs", "progression free survival", "无进展生存期")
"""Headers that say neither days nor months."""
FIRST_LINES = 100
"""Where the header is looked for; above it stand titles."""
_SYNONYMS: dict[str, tuple[str, ...]] = {
    "patient_id": (
        "id", "pat id", "pid", "patient no", "patient number", "patienten id", "patientennummer",
        "fallnummer", "mrn", "case", "case id", "subject", "subject id",
        "病历号", "住院号", "患者编号", "病人编号", "编号",
    ),
    "tps": ("pd l1", "pd l1 tps", "pd l1 expression", "pd l1 score", "tps percent", "tumour proportion score",
            "tumor proportion score", "pd l1表达"),
    "age": ("age at diagnosis", "age years", "alter", "年龄"),
    "sex": ("gender", "geschlecht", "sexe", "性别"),
    "smoking": ("smoker", "smoking status", "smoking history", "raucher", "raucherstatus", "吸烟", "吸烟史"),
    "family_history": ("family history of cancer", "family history of tumour", "family history of tumor",
                       "familienanamnese", "家族史", "肿瘤家族史"),
    "treatment": ("immunotherapy regimen", "therapie", "治疗", "治疗方案"),
    "pfs_days": (*PFS_BARE, "pfs d", "pfs tage", "progression free survival days", "无进展生存期天"),
    PFS_MONTHS: ("pfs mo", "pfs monate", "progression free survival months", "无进展生存期月"),
    "progressed": ("progression", "event", "pfs event", "pfs status", "progress", "progressionsereignis", "是否进展"),
}  # fmt: skip
IMPORTABLE = (*(name for name in COHORT_COLUMNS if name not in ("image", "mask")), PFS_MONTHS)
"""What a column of the clinic may stand for."""


@dataclass(frozen=True)
class Header:
    """The line of the header and, for each of our columns, the place and the clinic's name of theirs."""

    line: int
    places: Mapping[str, int]
    names: Mapping[str, str]
    unknown: tuple[str, ...]
    width: int

    @property
    def pfs_unit_is_open(self) -> bool:
        """Whether PFS stands under a name that says neither days nor months."""
        return plain(self.names.get("pfs_days", "")) in map(plain, PFS_BARE)


def plain(name: str) -> str:
    """A column's name without case, accents, spaces, underscores and signs."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in letters if letter.isalnum())


_KNOWN = {plain(word): ours for ours, words in _SYNONYMS.items() for word in words} | {
    plain(name): name for name in IMPORTABLE
}


def parse_maps(words: Iterable[str]) -> dict[str, str]:
    """OURS=THEIRS of `--map`; UsageError when it has another form, OURS is no column of ours or is given twice."""
    maps: dict[str, str] = {}
    for word in words:
        ours, sign, theirs = (part.strip() for part in word.partition("="))
        if not sign or not plain(theirs) or ours not in IMPORTABLE:
            raise UsageError(f"--map {word}: write OURS=THEIRS, OURS being one of {', '.join(IMPORTABLE)}")
        if ours in maps:
            raise UsageError(f"--map {word}: {ours} is mapped twice; give one column for it")
        maps[ours] = theirs
    return maps


def count_known(lines: Sequence[Line], maps: Mapping[str, str]) -> int:
    """How many columns are recognised in the line that is taken for the header; 0 when there is none."""
    line = _header_line(lines, maps)
    return 0 if line is None else sum(bool(one) for one in _ours(line, maps))


def find_header(lines: Sequence[Line], maps: Mapping[str, str], *, source: str) -> Header:
    """The line in which the patient's id and the most other columns are recognised, the first of several.

    DataError when there is none or two columns stand for one of ours; UsageError when `--map` names none of theirs.
    """
    line = _header_line(lines, maps)
    if line is None:
        raise _no_header(lines, maps, source)
    ours = _ours(line, maps)
    _check_maps(line, maps, source)
    _check_single(line, ours, source)
    places = {name: place for place, name in enumerate(ours) if name}
    cells = [cell.strip() for cell in line.cells]
    unknown = tuple(cell for cell, name in zip(cells, ours, strict=True) if cell and not name)
    return Header(line.number, places, {name: cells[place] for name, place in places.items()}, unknown, len(cells))


def _header_line(lines: Sequence[Line], maps: Mapping[str, str]) -> Line | None:
    named = [line for line in lines[:FIRST_LINES] if "patient_id" in _ours(line, maps)]
    return max(named, key=lambda line: sum(map(bool, _ours(line, maps))), default=None)


def _ours(line: Line, maps: Mapping[str, str]) -> list[str]:
    """For each cell the column of ours it names, empty when none; what `--map` says replaces the synonyms."""
    mapped = {plain(theirs): ours for ours, theirs in maps.items()}
    taken = set(maps) | ({"pfs_days", PFS_MONTHS} if {"pfs_days", PFS_MONTHS} & set(maps) else set())
    found = []
    for cell in line.cells:
        name = mapped.get(plain(cell), "")
        known = _KNOWN.get(plain(cell), "") if plain(cell) else ""
        found.append(name or ("" if known in taken else known))
    return found


def _check_maps(line: Line, maps: Mapping[str, str], source: str) -> None:
    there = {plain(cell) for cell in line.cells}
    for ours, theirs in maps.items():
        if plain(theirs) not in there:
            names = ", ".join(cell.strip() for cell in line.cells if cell.strip())
            raise UsageError(f"--map {ours}={theirs}: {source} has no such column (it has {names}); name one of them")


def _check_single(line: Line, ours: Sequence[str], source: str) -> None:
    for name in dict.fromkeys(filter(None, ours)):
        theirs = [cell.strip() for cell, one in zip(line.cells, ours, strict=True) if one == name]
        if len(theirs) > 1:
            both = " and ".join(f"'{one}'" for one in theirs)
            remedy = f"say which with --map {name}=COLUMN" if len(set(theirs)) > 1 else "rename one of them"
            raise DataError(f"{source} row {line.number}: the columns {both} all stand for {name}; {remedy}")
    if "pfs_days" in ours and PFS_MONTHS in ours:
        raise DataError(f"{source} row {line.number}: gives PFS in days and in months; say which with --map")


def _no_header(lines: Sequence[Line], maps: Mapping[str, str], source: str) -> Exception:
    if "patient_id" in maps:
        return UsageError(f"--map patient_id={maps['patient_id']}: {source} has no such column; name one it has")
    first = ", ".join(cell.strip() for cell in lines[0].cells if cell.strip())[:200] if lines else "nothing"
    return DataError(
        f"{source}: no row names a column with the patient's id (it begins with {first}); "
        "call the column patient_id, or give --map patient_id=COLUMN"
    )
