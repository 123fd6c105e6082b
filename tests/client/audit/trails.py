"""Trails of made-up messages, for tests."""

from __future__ import annotations

from pathlib import Path

from client.audit.entry import Event
from client.audit.trail import Trail

SHA = "a" * 64


def message(number: int) -> Event:
    """One of many messages, each a little different."""
    return Event(
        event="message",
        direction="out" if number % 2 else "in",
        study_sha256=SHA,
        phase="training",
        kind="training",
        round=number // 2,
        size_bytes=1000 + number,
        content_sha256=f"{number:064x}",
        withheld=("test: fewer than 10 patients",) if number % 3 == 0 else (),
    )


def trail_of(folder: Path, lines: int) -> Trail:
    """A trail with so many lines."""
    folder.mkdir(parents=True, exist_ok=True)
    trail = Trail(folder)
    for number in range(lines):
        trail.append(message(number))
    return trail
