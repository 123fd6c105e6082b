"""Figures of several runs, beside each other, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Row:
    """One thing that was measured several times, in one unit; without values, `why` says what prevented it."""

    what: str
    unit: str
    values: Sequence[float] = ()
    ratios: Sequence[float] = ()
    """Of each run to what stood beside it; the table shows their median."""
    why: str = ""
    remark: str = ""
    """What stands in the table's last column."""


@dataclass(frozen=True)
class Table:
    """Rows under a title; `ratio` says of what to what it is; notes say what is done and what is not.

    With `remark` the table has a last column under that heading; `picture` is a file beside the page.
    """

    title: str
    ratio: str
    rows: Sequence[Row]
    notes: Sequence[str] = ()
    remark: str = ""
    picture: str = ""


def markdown(table: Table) -> str:
    """A table as Markdown, its title a heading of the third level."""
    last = (f" {table.remark} |", " --: |") if table.remark else ("", "")
    head = f"| | runs | median | min | max | {table.ratio} |{last[0]}"
    rows = [_line(row) + (f" {_cell(row.remark)} |" if table.remark else "") for row in table.rows]
    lines = [f"### {table.title}", "", head, f"| --- | --: | --: | --: | --: | --: |{last[1]}", *rows]
    shown = ["", f"![{table.title}]({table.picture})"] if table.picture else []
    return "\n".join([*lines, *shown, "", *(f"- {note}" for note in table.notes)]).rstrip() + "\n"


def _line(row: Row) -> str:
    if not row.values:
        return f"| {row.what} | 0 | not measured: {_cell(row.why)} | | | |"
    low, middle, high = min(row.values), median(row.values), max(row.values)
    ratio = f"{median(row.ratios):.2f}" if row.ratios else ""
    figures = " | ".join(f"{_digits(value)} {row.unit}" for value in (middle, low, high))
    return f"| {row.what} | {len(row.values)} | {figures} | {ratio} |"


def _digits(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "/").split())
