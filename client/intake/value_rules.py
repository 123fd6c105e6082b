"""`--value COLUMN:THEIRS=OURS`: what the clinic's words mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from client.cohort import RANGES, WORDS
from client.intake.cells import tidy
from common.errors import UsageError

ValueRules = Mapping[str, Mapping[str, str]]
"""By column of ours: the folded text of a cell and what it means."""


def parse_values(words: Iterable[str]) -> ValueRules:
    """The rules; UsageError when one has another form, an unknown column, or a meaning the column cannot have."""
    rules: dict[str, dict[str, str]] = {}
    for word in words:
        column, colon, rest = word.partition(":")
        theirs, sign, ours = rest.rpartition("=")
        column, theirs, ours = column.strip(), tidy(theirs).casefold(), ours.strip()
        if not colon or not sign or column not in (*WORDS, *RANGES):
            columns = ", ".join((*WORDS, *RANGES))
            raise UsageError(f"--value {word}: write COLUMN:THEIRS=OURS, COLUMN being one of {columns}")
        _check_meaning(word, column, ours)
        if rules.setdefault(column, {}).setdefault(theirs, ours) != ours:
            raise UsageError(f"--value {word}: {theirs} of {column} has two meanings; give one")
    return rules


def _check_meaning(word: str, column: str, ours: str) -> None:
    if column in WORDS and ours not in (*WORDS[column], ""):
        allowed = " or ".join(WORDS[column])
        raise UsageError(f"--value {word}: {ours!r} is no {column}; give {allowed}, or nothing for empty")
    if column not in WORDS and ours and not _is_possible(column, ours):
        low, high = RANGES[column]
        raise UsageError(f"--value {word}: {ours!r} is no {column}; give a number from {low:g} to {high:g}")


def _is_possible(column: str, ours: str) -> bool:
    low, high = RANGES[column]
    try:
        return low <= float(ours) <= high
    except ValueError:
        return False
