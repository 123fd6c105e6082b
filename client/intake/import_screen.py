"""What `import` prints, with the hospital's own ids: it is the hospital's screen."""

from __future__ import annotations

from collections import Counter

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from client.intake.outcome import Outcome, kind_of
from client.intake.reading_notes import MOST_NAMED, named

screen = Console(highlight=False, emoji=False)


def show_import(outcome: Outcome) -> None:
    """Print who cannot be used and why on standard error, then the summary."""
    for one in sorted(outcome.left_out, key=lambda one: one.row or 0):
        row = "" if one.row is None else f"row {one.row}: "
        kept = " (cohort.csv keeps what an earlier import wrote)" if one.kept else ""
        typer.echo(f"{row}patient {one.patient_id}: {one.shown}{kept}", err=True)
    for file in outcome.spoiled:
        typer.echo(f"file {file}", err=True)
    for sentence in outcome.said:
        typer.echo(f"Mind           {sentence}")
    screen.print(_summary(outcome))
    for sentence in (*_noted(outcome), *_sentences(outcome)):
        typer.echo(f"Mind           {sentence}")


def _summary(outcome: Outcome) -> Table:
    table = Table(title=f"Import, {outcome.seconds:.1f} s", title_justify="left")
    table.add_column("")
    table.add_column("number", justify="right")
    for name, count in (
        ("files found", outcome.files),
        ("patients in the files", outcome.tree_patients),
        ("patients in the spreadsheet", outcome.table_patients),
        ("imported, new", len(outcome.new)),
        ("imported again, changed", len(outcome.changed)),
        ("unchanged", len(outcome.unchanged)),
    ):
        table.add_row(name, str(count))
    _add_reasons(table, "in quarantine", outcome.reasons)
    _add_reasons(table, "files ignored", outcome.ignored)
    _add_reasons(table, "notes", outcome.notes)
    return table


def _add_reasons(table: Table, title: str, counts: Counter[str]) -> None:
    table.add_row(title, str(counts.total()), style="bold" if counts else None)
    for reason, count in counts.most_common():
        table.add_row(f"  {escape(reason)}", str(count))


def _noted(outcome: Outcome) -> list[str]:
    """The notes with their patients, the first few of each kind."""
    kinds: Counter[str] = Counter()
    shown = []
    for patient_id, note in sorted(outcome.noted):
        kinds[kind_of(note)] += 1
        if kinds[kind_of(note)] <= MOST_NAMED:
            shown.append(f"patient {patient_id}: {note}")
    return shown


def _sentences(outcome: Outcome) -> list[str]:
    again = Counter(outcome.changed.values())
    return [
        sentence
        for there, sentence in (
            (again, "converted again: " + ", ".join(f"{count} for {why}" for why, count in again.items())),
            (outcome.refreshed, f"{outcome.refreshed} row(s) of unchanged patients brought up to date"),
            (outcome.without_row, f"{len(outcome.without_row)} with CT, without a row: {named(outcome.without_row)}"),
            (outcome.without_ct, f"{len(outcome.without_ct)} with a row, without CT: {named(outcome.without_ct)}"),
            (
                outcome.vanished,
                f"{len(outcome.vanished)} patient(s) of earlier imports are not in these files and stay in the cohort: "
                f"{named(outcome.vanished)}",
            ),
        )
        if there
    ]
