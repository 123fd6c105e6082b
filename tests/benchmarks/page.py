"""docs/benchmarks.md: a section a benchmark, each replaced by the next run of that benchmark."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.table import Table, markdown

PAGE = Path("docs") / "benchmarks.md"
HEAD = """\
# Benchmarks

Every number in a table is written by `uv run python -m tests.benchmarks`, none by hand. What is compared was run
beside each other, in turns, on the machine and on the day that stand above it; absolute times are of that machine,
ratios carry further.
"""


def section(name: str, tables: Sequence[Table], machine: Sequence[str]) -> str:
    """A benchmark's tables under its name, with where they were measured."""
    about = "\n".join(f"- {line}" for line in machine)
    return "\n".join([f"## {name}", "", about, "", *map(markdown, tables)])


def replaced(page: str, name: str, text: str) -> str:
    """The page with this section in place of its former one, or at the end; the other sections stay as they are."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    block, page = f"{begin}\n{text.rstrip()}\n{end}\n", page or HEAD
    former = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}\n?", re.DOTALL)
    if former.search(page):
        return former.sub(lambda _: block, page, count=1)
    return f"{page.rstrip()}\n\n{block}"
