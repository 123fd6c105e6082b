"""What a person should know of how the clinic's spreadsheet was read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from client.intake.cells import DAYS_PER_MONTH, FORMER
from client.intake.header import PFS_MONTHS, Header, plain

FEWEST_FOR_SUSPICION = 5
MOST_NAMED = 5


def reading_notes(
    header: Header, *, tps: Iterable[str], smoking: Iterable[str], without_id: Sequence[int]
) -> tuple[str, ...]:
    """Sentences on renamed and ignored columns, units, words, rows without an id, and TPS that looks like a label."""
    notes = (_renamed(header), _ignored(header), _unit(header), _former(smoking), _rows(without_id), _label(tps))
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


def _label(tps: Iterable[str]) -> str:
    values = [value for value in tps if value]
    if len(values) >= FEWEST_FOR_SUSPICION and set(values) <= {"0", "1"}:
        return "every TPS is 0 or 1: is it a label? TPS is a percentage from 0 to 100"
    return ""
