"""One line of audit.jsonl: what happened, the hash of the line before, and its own."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from common.messages.record import Sha256

FIRST_PREVIOUS = "0" * 64
"""What the first line has in place of the hash of a line before."""
EventName = Literal["message", "approval", "join", "key", "policy", "mended", "privacy"]


class Content(BaseModel):
    """One field or array of a message: its dotted name, its type and how many values it has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    dtype: str
    shape: tuple[int, ...]


class Event(BaseModel):
    """What happened; fields that do not belong to an event are null or empty."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    event: EventName
    direction: Literal["in", "out"] | None = None
    study_sha256: str | None = None
    run: str | None = None
    phase: str | None = None
    kind: str | None = None
    round: int | None = None
    server: str | None = None
    """SHA-256 of the CA of the server; null where the site has none, in a simulation."""
    contents: tuple[Content, ...] = ()
    size_bytes: int | None = None
    content_sha256: str | None = None
    """SHA-256 of the record's JSON text, followed by the arrays' bytes in the order of their names."""
    withheld: tuple[str, ...] = ()
    fault: str | None = None
    """Code of the fault that was answered in place of numbers."""
    epsilon: float | None = None
    """Privacy loss of the study so far; null without differential privacy."""
    details: dict[str, str] = {}
    """Of an approval, join, key, policy or privacy."""


class Entry(Event):
    """An event in the chain."""

    sequence: Annotated[int, Field(ge=1)]
    time: str
    """UTC, ISO 8601."""
    previous: Sha256
    hash: Sha256

    @property
    def line(self) -> bytes:
        """The one spelling of this entry: JSON with sorted keys, no spaces, ASCII."""
        return _canonical(self.model_dump(mode="json"))

    @property
    def expected_hash(self) -> str:
        """SHA-256 over everything but the hash itself."""
        return _hash(self.model_dump(mode="json", exclude={"hash"}))


class Head(BaseModel):
    """The last line that was written, kept in another file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sequence: Annotated[int, Field(ge=1)]
    hash: Sha256


def entry_of(event: Event, *, sequence: int, time: str, previous: str) -> Entry:
    """An event with its place in the chain."""
    told = event.model_dump(mode="json") | {"sequence": sequence, "time": time, "previous": previous}
    return Entry.model_validate(told | {"hash": _hash(told)})


def _canonical(content: dict[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def _hash(content: dict[str, Any]) -> str:
    return hashlib.sha256(_canonical(content)).hexdigest()
