"""The command line of the benchmarks."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from common import atomic
from common.errors import UsageError
from tests.benchmarks.machine import machine_lines
from tests.benchmarks.page import PAGE, replaced, section
from tests.benchmarks.registry import BENCHMARKS

app = typer.Typer(name="python -m tests.benchmarks", add_completion=False)


@app.command()
def benchmarks(
    only: Annotated[str | None, typer.Option(help=f"One of: {', '.join(BENCHMARKS)}.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Small sizes, to see that it runs; writes no page.")] = False,
    page: Annotated[Path | None, typer.Option(help=f"The page that is written; {PAGE} unless --quick.")] = None,
) -> None:
    """Measure side by side, print tables and put them into the page."""
    if only is not None and only not in BENCHMARKS:
        raise UsageError(f"--only {only}: there is no such benchmark; choose {' or '.join(BENCHMARKS)}")
    target, screen, begun = page or (None if quick else PAGE), Console(stderr=True, highlight=False), time.monotonic()

    def say(sentence: str) -> None:
        screen.print(f"{time.monotonic() - begun:4.0f} s  {sentence}", soft_wrap=True)

    for name in [only] if only else list(BENCHMARKS):
        machine = machine_lines()
        text = section(name, BENCHMARKS[name]()(quick, say), machine)
        print(text)
        if target is not None:
            atomic.write_text(target, replaced(target.read_text("utf-8") if target.is_file() else "", name, text))
        say(f"{name}: done" + (f", written to {target}" if target else ""))
