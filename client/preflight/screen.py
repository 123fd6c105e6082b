"""What `check` prints: a table of the checks, and below it what is to be done."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from client.preflight.finding import Check, counts
from client.preflight.preflight import Preflight

SHOWN_ITEMS = 10
"""Patients named below a check; the rest is in the report."""
_STYLES = {"ok": "green", "warning": "yellow", "failed": "bold red", "skipped": "dim"}


def show(done: Preflight) -> None:
    """Print every check, and the remedies of those that are not ok."""
    console = Console(highlight=False, emoji=False)
    console.print(_table(done.checks))
    for check in done.checks:
        if check.state in ("failed", "warning"):
            _show_remedy(console, check)
    if done.synthetic:
        _plain(console, "SYNTHETIC      patients of this table were made by a computer")
    seen = done.survey
    _plain(console, f"Patients       {seen.rows}: {len(seen.looks)} fine, {len(seen.quarantined)} in quarantine")
    found = counts(done.checks)
    _plain(console, "Checks         " + ", ".join(f"{n} {state}" for state, n in found.items() if n))


def _table(checks: Sequence[Check]) -> Table:
    table = Table("", "area", "check", "found")
    area = ""
    for check in checks:
        begins = check.area != area
        if begins and area:
            table.add_section()
        area = check.area
        state = f"[{_STYLES[check.state]}]{check.state}[/]"
        table.add_row(state, escape(area) if begins else "", escape(check.name), escape(check.found))
    return table


def _show_remedy(console: Console, check: Check) -> None:
    _plain(console, f"{check.state}: {check.area}, {check.name}: {check.remedy}")
    for item in check.items[:SHOWN_ITEMS]:
        _plain(console, f"  {item.sentence()}")
    if (more := len(check.items) - SHOWN_ITEMS) > 0:
        _plain(console, f"  {more} more in the report")


def _plain(console: Console, line: str) -> None:
    """A line that is not broken: file names stay whole for copying."""
    console.print(line, markup=False, soft_wrap=True)
