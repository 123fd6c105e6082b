"""Whether the lines of an audit trail are the ones that were written, all of them, in their order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from client.audit.entry import FIRST_PREVIOUS, Entry, Head


@dataclass(frozen=True)
class Chain:
    """What a trail's bytes are: readable entries, what is wrong, and bytes of a last line that was never finished."""

    entries: tuple[Entry, ...]
    faults: tuple[str, ...]
    unfinished: int

    @property
    def last(self) -> Entry | None:
        """The last entry, if there is one."""
        return self.entries[-1] if self.entries else None


def check_chain(text: bytes, head: Head | None) -> Chain:
    """Read a trail and compare it with the head that is kept beside it.

    A line is written before the head, and a message leaves after both: after a power cut the trail may be one whole
    line ahead, or have a part of one, and neither is a fault.
    """
    *lines, rest = text.split(b"\n")
    entries = [_entry(line) for line in lines]
    faults = [*_broken_lines(entries), *_broken_end(entries, head)]
    return Chain(tuple(one for one in entries if one is not None), tuple(faults), len(rest))


def _entry(line: bytes) -> Entry | None:
    try:
        entry = Entry.model_validate_json(line)
    except ValidationError:
        return None
    return entry if entry.line == line and entry.expected_hash == entry.hash else None


def _broken_lines(entries: Sequence[Entry | None]) -> Iterator[str]:
    previous, sequence = FIRST_PREVIOUS, 0
    for place, entry in enumerate(entries, start=1):
        if entry is None:
            yield f"line {place} was altered: it is not what was written there"
            # what the next line should follow is not known any more
            previous, sequence = "", sequence + 1
            continue
        if entry.sequence != sequence + 1:
            yield f"line {place} has number {entry.sequence} where {sequence + 1} belongs: {_why(entry, sequence)}"
        elif previous and entry.previous != previous:
            yield f"line {place} does not follow the line before it: one of them was replaced"
        previous, sequence = entry.hash, entry.sequence


def _why(entry: Entry, sequence: int) -> str:
    return "lines were removed before it" if entry.sequence > sequence + 1 else "it was moved or put in again"


def _broken_end(entries: Sequence[Entry | None], head: Head | None) -> Iterator[str]:
    known = head.sequence if head else 0
    if len(entries) < known:
        yield f"the end is cut off: {known} lines were written, {len(entries)} are there"
    elif head and (named := entries[known - 1]) is not None and named.hash != head.hash:
        yield f"line {known} is not the last one that was written: the trail was put back or replaced"
    elif len(entries) > known + 1:
        yield f"{len(entries) - known} lines follow line {known}, the last one that was written"
