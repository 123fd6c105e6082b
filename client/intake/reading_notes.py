"""What a person should know of how the clinic's spreadsheet was read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from client.intake.cells import DAYS_PER_MONTH, FORMER
from client.intake.header import PFS_MONTHS, Header, plain

FEWEST_FOR_SUSPICION = 5
MOST_NAMED = 5
_WANTED = ("tps", "age", "sex", "smoking", "family_history", "treatment", "pfs_days", "progressed")


def reading_notes(
    header: Header, *, rows: Mapping[str, Mapping[str, str]], smoking: Iterable[str], without_id: Sequence[int]
) -> tuple[str, ...]:
    """Sentences on the columns, units, words, rows without an id, and values that look like something else.

    `rows` are the cells of the patients that can be used, by the hospital's ids.
    """
    columns = (_renamed(header), _ignored(header), _not_found(header), _unit(header))
    tps = {name: cells["tps"] for name, cells in rows.items() if cells.get("tps")}
    values = (_label(tps.values()), _fractions(tps), _parts_of_days(header, rows), _both(rows))
    notes = (*columns, _former(smoking), _rows(without_id), *values)
    return tuple(filter(None, notes))


def named(names: Iterable[object]) -> str:
    """At most five of several, and how many more there are."""
    all_names = [str(name) for name in names]
    more = len(all_names) - MOST_NAMED
    return ", ".join(all_names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _renamed(header: Header) -> str:
    renamed = [f"{theirs} as {ours}" for ours, theirs in header.names.items() if theirs != ours]
    return f"columns taken: {', '.join(renamed)}" if renamed else ""


def _ignored(header: Header) -> str:
    return f"{len(header.unknown)} column(s) not used: {named(header.unknown)}" if header.unknown else ""


def _not_found(header: Header) -> str:
    there = {"pfs_days" if name == PFS_MONTHS else name for name in header.names}
    missing = [name for name in _WANTED if name not in there]
    if not missing or not header.unknown:
        return ""
    return f"not found: {', '.join(missing)} (--map {missing[0]}=COLUMN)"


def _unit(header: Header) -> str:
    names = header.names
    if PFS_MONTHS in names:
        return f"{names[PFS_MONTHS]} is in months, {DAYS_PER_MONTH} days each"
    return f"{names['pfs_days']} says no unit and is taken as days" if header.pfs_unit_is_open else ""


def _former(smoking: Iterable[str]) -> str:
    count = sum(plain(cell) in map(plain, FORMER) for cell in smoking)
    return (
        f"{count} former smoker(s) taken as occasionally; --value smoking:THEIRS=OURS says otherwise" if count else ""
    )


def _rows(without_id: Sequence[int]) -> str:
    return f"{len(without_id)} row(s) without a patient's id: row {named(without_id)}" if without_id else ""


def _fractions(tps: Mapping[str, str]) -> str:
    """TPS below 1 beside percentages."""
    low = [name for name, value in tps.items() if 0 < float(value) < 1]
    if not low or all(float(value) <= 1 for value in tps.values()):
        return ""
    return f"TPS between 0 and 1 beside larger ones, fractions in place of percent? patient {named(low)}"


def _parts_of_days(header: Header, rows: Mapping[str, Mapping[str, str]]) -> str:
    """Days that are not whole in a column of which most are."""
    days = {name: float(cells["pfs_days"]) for name, cells in rows.items() if cells.get("pfs_days")}
    parts = [name for name, value in days.items() if value % 1]
    if PFS_MONTHS in header.names or not parts or 2 * len(parts) >= len(days):
        return ""
    return f"pfs_days is no whole number, months in place of days? patient {named(parts)}"


def _both(rows: Mapping[str, Mapping[str, str]]) -> str:
    both = [one for one in rows.values() if one["cohort"] == "immunotherapy" and one.get("tps") and one.get("pfs_days")]
    if not both:
        return ""
    return f"{len(both)} patient(s) have TPS and PFS and count as immunotherapy; their TPS is not used for the label"


def _label(tps: Iterable[str]) -> str:
    values = list(tps)
    if len(values) >= FEWEST_FOR_SUSPICION and set(values) <= {"0", "1"}:
        return "every TPS is 0 or 1: is it a label? TPS is a percentage from 0 to 100"
    return ""
