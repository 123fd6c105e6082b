"""The audit trail on disk: a line is there for good before its message leaves, whoever else writes at the time."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from client.audit.chain import Chain, End, check_chain, check_end, entries_of
from client.audit.entry import FIRST_PREVIOUS, Entry, Event, EventName, Head, entry_of
from common import atomic
from common.errors import TrailError
from common.file_lock import locked
from common.flower_environment import private_folder

TRAIL_FILE = "audit.jsonl"
HEAD_FILE = Path("federation") / "audit-head.json"
LOCK_FILE = Path("federation") / "audit.lock"
_TAIL_BYTES = 1 << 16


class Trail:
    """The trail of a site's folder.

    Every line is checked when the trail is first used, and whenever all are asked for; between, appending holds the
    last line against the head.
    """

    def __init__(self, site_folder: Path) -> None:
        self.folder = site_folder
        self.file = site_folder / TRAIL_FILE
        self._head_file, self._lock_file = site_folder / HEAD_FILE, site_folder / LOCK_FILE
        self._checked = False

    def append(self, event: Event) -> Entry:
        """Write an event as the next line; TrailError when the trail is broken or cannot be written."""
        with self._locked():
            return self._write(event, self._mended())

    def entries(self) -> tuple[Entry, ...]:
        """All lines, every one checked; TrailError when the trail is broken."""
        with self._locked():
            self._mended()
            return self._sound().entries

    def entries_of(self, *events: EventName) -> tuple[Entry, ...]:
        """The lines of some events; TrailError when the trail is broken."""
        with self._locked():
            self._mended()
            return entries_of(self._text(), events)

    def read(self) -> Chain:
        """All that can be read, and what is wrong with it; writes nothing."""
        with self._locked():
            return self._chain()

    def _sound(self) -> Chain:
        chain = self._chain()
        if chain.faults:
            raise TrailError(
                f"{self.file}: {chain.faults[0]}; nothing leaves until this is understood, run: "
                f"pdl1es-site audit {self.folder} --verify, and put the file back from a backup, or move it and "
                f"{self._head_file} away and approve the study again"
            )
        self._checked = True
        return chain

    def _chain(self) -> Chain:
        return check_chain(self._text(), self._head())

    def _text(self) -> bytes:
        return self.file.read_bytes() if self.file.exists() else b""

    def _end(self) -> End:
        """The end of a trail that is whole."""
        if not self._checked:
            self._sound()
        end = check_end(_tail(self.file), self._head())
        if not end.fits:
            self._sound()
        return end

    def _head(self) -> Head | None:
        if not self._head_file.exists():
            return None
        try:
            return Head.model_validate_json(self._head_file.read_bytes())
        except ValidationError as error:
            raise TrailError(
                f"{self._head_file}: is not what was written there; put it and {self.file} back from a backup, or move "
                "both away and approve the study again"
            ) from error

    def _mended(self) -> Head | None:
        """The last line, after what an interruption left was put right, and that was said.

        A line that was never finished is taken off; a whole one that the head does not name is named. The message of
        neither left.
        """
        end, details = self._end(), {}
        if end.ahead and end.last:
            self._write_head(end.last)
            details["line"] = str(end.last.sequence)
        if end.unfinished:
            os.truncate(self.file, self.file.stat().st_size - end.unfinished)
            details["bytes"] = str(end.unfinished)
        if not details:
            return end.last
        entry = self._write(Event(event="mended", details=details), end.last)
        return Head(sequence=entry.sequence, hash=entry.hash)

    def _write(self, event: Event, last: Head | None) -> Entry:
        entry = entry_of(
            event,
            sequence=last.sequence + 1 if last else 1,
            time=datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
            previous=last.hash if last else FIRST_PREVIOUS,
        )
        head = Head(sequence=entry.sequence, hash=entry.hash)
        handle = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            size = os.fstat(handle).st_size
            try:
                _write_all(handle, entry.line + b"\n")
                os.fsync(handle)
                if size == 0:
                    atomic.sync_folder(self.folder)
                self._write_head(head)
            except BaseException:
                # the message does not leave, so no line should say that it did; one that the head names has to stay
                if self._head() != head:
                    os.ftruncate(handle, size)
                raise
        finally:
            os.close(handle)
        return entry

    def _write_head(self, head: Head) -> None:
        atomic.write_bytes(self._head_file, head.model_dump_json().encode() + b"\n", private=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            private_folder(self._lock_file.parent)
            with locked(self._lock_file):
                yield
        except OSError as error:
            raise TrailError(
                f"{error.filename or self.file}: the audit trail cannot be read or written ({error.strerror}), and "
                "nothing leaves without its line; make room or permit it"
            ) from error


def _tail(file: Path) -> bytes:
    """The last whole line of a file, with what follows it and some of what is before."""
    if not file.exists():
        return b""
    with file.open("rb") as opened:
        size, length = opened.seek(0, os.SEEK_END), _TAIL_BYTES
        while True:
            start = opened.seek(max(0, size - length))
            tail = opened.read(size - start)
            if start == 0 or tail.count(b"\n") > 1:
                return tail
            length *= 4


def _write_all(handle: int, data: bytes) -> None:
    while data:
        data = data[os.write(handle, data) :]
