"""The audit trail on disk: a line is there for good before its message leaves, whoever else writes at the time."""

from __future__ import annotations

import datetime
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from client.audit.chain import Chain, check_chain
from client.audit.entry import FIRST_PREVIOUS, Entry, Event, Head, entry_of
from common import atomic
from common.errors import TrailError
from common.flower_environment import private_folder

TRAIL_FILE = "audit.jsonl"
HEAD_FILE = Path("federation") / "audit-head.json"
LOCK_FILE = Path("federation") / "audit.lock"


class Trail:
    """The trail of a site's folder."""

    def __init__(self, site_folder: Path) -> None:
        self.folder = site_folder
        self.file = site_folder / TRAIL_FILE
        self._head_file, self._lock_file = site_folder / HEAD_FILE, site_folder / LOCK_FILE

    def append(self, event: Event) -> Entry:
        """Write an event as the next line; TrailError when the trail is broken or cannot be written."""
        with self._locked():
            chain = self._sound()
            if chain.unfinished:
                self._mend(chain)
                chain = self._sound()
            return self._write(event, chain.last)

    def entries(self) -> tuple[Entry, ...]:
        """All lines; TrailError when the trail is broken."""
        with self._locked():
            return self._sound().entries

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
        return chain

    def _chain(self) -> Chain:
        text = self.file.read_bytes() if self.file.exists() else b""
        return check_chain(text, self._head())

    def _head(self) -> Head | None:
        if not self._head_file.exists():
            return None
        try:
            return Head.model_validate_json(self._head_file.read_bytes())
        except ValidationError as error:
            raise TrailError(
                f"{self._head_file}: is not what was written there; put it and {self.file} back from a backup"
            ) from error

    def _mend(self, chain: Chain) -> None:
        """Take off a line that was never finished, whose message never left, and say so."""
        os.truncate(self.file, self.file.stat().st_size - chain.unfinished)
        self._write(Event(event="mended", details={"bytes": str(chain.unfinished)}), chain.last)

    def _write(self, event: Event, last: Entry | None) -> Entry:
        entry = entry_of(
            event,
            sequence=last.sequence + 1 if last else 1,
            time=datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
            previous=last.hash if last else FIRST_PREVIOUS,
        )
        handle = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            size = os.fstat(handle).st_size
            try:
                _write_all(handle, entry.line + b"\n")
                os.fsync(handle)
                self._write_head(Head(sequence=entry.sequence, hash=entry.hash))
            except BaseException:
                # the message does not leave, so no line may say that it did
                os.ftruncate(handle, size)
                raise
        finally:
            os.close(handle)
        return entry

    def _write_head(self, head: Head) -> None:
        atomic.write_bytes(self._head_file, head.model_dump_json().encode() + b"\n", private=True)
        folder = os.open(self._head_file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            private_folder(self._lock_file.parent)
            with self._lock_file.open("ab") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise TrailError(
                f"{error.filename or self.file}: the audit trail cannot be read or written ({error.strerror}), and "
                "nothing leaves without its line; make room or permit it"
            ) from error


def _write_all(handle: int, data: bytes) -> None:
    while data:
        data = data[os.write(handle, data) :]
