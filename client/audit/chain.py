"""Whether the lines of an audit trail are the ones that were written, all of them, in their order."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from pydantic import ValidationError

from client.audit.entry import FIRST_PREVIOUS, Entry, EventName, Head
from common.errors import TrailError

_HASH = b'"hash":"'
_REST = re.compile(rb'([0-9a-f]{64})",(.*"previous":"([0-9a-f]{64})",.*"sequence":([1-9][0-9]*),.*)')
"""What follows the hash's key. A quote within a text is escaped, so none of these can stand in a value."""


@dataclass(frozen=True)
class Link:
    """A line that has its own hash: its place, and the hash of the line that it follows."""

    sequence: int
    previous: str
    hash: str
    line: bytes

    @property
    def entry(self) -> Entry:
        """What the line says; TrailError when this program never wrote such a line."""
        try:
            entry = Entry.model_validate_json(self.line)
        except ValidationError:
            entry = None
        if entry is None or entry.line != self.line:
            raise TrailError(
                f"line {self.sequence} of the audit trail is no line of this program, though its hash is right; use "
                "the version of pdl1es that wrote it, or put the trail back from a backup"
            )
        return entry


@dataclass(frozen=True)
class Chain:
    """What a trail's bytes are: unaltered lines, what is wrong, and bytes of a last line that was never finished."""

    links: tuple[Link, ...]
    faults: tuple[str, ...]
    unfinished: int

    @property
    def last(self) -> Link | None:
        """The last line, if there is one."""
        return self.links[-1] if self.links else None

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """What the lines say; TrailError for a line that this program never wrote."""
        return tuple(link.entry for link in self.links)


@dataclass(frozen=True)
class End:
    """The last whole line of a trail held against its head."""

    last: Head | None
    fits: bool
    """False: something is wrong, and the whole trail tells what."""
    ahead: bool
    """The head is that of the line before: an interruption came between the two."""
    unfinished: int
    """Bytes of a line that was never finished."""


def check_chain(text: bytes, head: Head | None) -> Chain:
    """Hold every line of a trail against its hash and the line before, and the last one against the head.

    A line is written before the head, and a message leaves after both: after a power cut the trail may be one whole
    line ahead, or have a part of one, and neither is a fault.
    """
    *lines, rest = text.split(b"\n")
    links = [_link(line) for line in lines]
    faults = [*_broken_lines(links), *_broken_end(links, head)]
    return Chain(tuple(one for one in links if one is not None), tuple(faults), len(rest))


def check_end(tail: bytes, head: Head | None) -> End:
    """The same of the last line alone; `tail` has it whole, with what follows it."""
    *lines, rest = tail.split(b"\n")
    last = _link(lines[-1]) if lines else None
    if last is None:
        return End(None, fits=not lines and head is None, ahead=False, unfinished=len(rest))
    place = Head(sequence=last.sequence, hash=last.hash)
    known, previous = (head.sequence, head.hash) if head else (0, FIRST_PREVIOUS)
    ahead = (last.sequence, last.previous) == (known + 1, previous)
    return End(place, fits=ahead or place == head, ahead=ahead, unfinished=len(rest))


def entries_of(text: bytes, events: Sequence[EventName]) -> tuple[Entry, ...]:
    """The unaltered lines of some events, in their order."""
    marks = [f'"event":"{event}"'.encode() for event in events]
    links = (_link(line) for line in text.split(b"\n") if any(mark in line for mark in marks))
    entries = (link.entry for link in links if link is not None)
    return tuple(entry for entry in entries if entry.event in events)


def _link(line: bytes) -> Link | None:
    """None for a line that was altered. Its bytes are hashed as they are, which is quick for a long trail."""
    before, _, after = line.rpartition(_HASH)
    if (found := _REST.fullmatch(after)) is None:
        return None
    told, rest, previous, sequence = found.groups()
    if hashlib.sha256(before + rest).hexdigest().encode() != told:
        return None
    return Link(int(sequence), previous.decode(), told.decode(), line)


def _broken_lines(links: Sequence[Link | None]) -> Iterator[str]:
    previous, sequence = FIRST_PREVIOUS, 0
    for place, link in enumerate(links, start=1):
        if link is None:
            yield f"line {place} was altered: it is not what was written there"
            # what the next line should follow is not known any more
            previous, sequence = "", sequence + 1
            continue
        if link.sequence != sequence + 1:
            yield f"line {place} has number {link.sequence} where {sequence + 1} belongs: {_why(link, sequence)}"
        elif previous and link.previous != previous:
            yield f"line {place} does not follow the line before it: one of them was replaced"
        previous, sequence = link.hash, link.sequence


def _why(link: Link, sequence: int) -> str:
    return "lines were removed before it" if link.sequence > sequence + 1 else "it was moved or put in again"


def _broken_end(links: Sequence[Link | None], head: Head | None) -> Iterator[str]:
    known = head.sequence if head else 0
    if len(links) < known:
        yield f"the end is cut off: {known} lines were written, {len(links)} are there"
    elif head and (named := links[known - 1]) is not None and named.hash != head.hash:
        yield f"line {known} is not the last one that was written: the trail was put back or replaced"
    elif len(links) > known + 1:
        yield f"{len(links) - known} lines follow line {known}, the last one that was written"
