"""SHA-256 of files, read once: again only when the file system says that a file is another.

A file is the same while inode, size, time of content and time of change are. Where a file system keeps the last, no
program sets it, so that a file altered under its old date is read again; where it keeps none (FAT, some network shares)
the date alone tells. A file changed moments before it is read is not remembered, for a second change within one tick of
the clock would not show (as git holds it with its index). Without `digests.json` everything is read again.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from common import atomic

Digest = Callable[[Path], bytes]
"""SHA-256 of a file's content; OSError when it cannot be read."""
_SETTLED_NS = 2_000_000_000


def file_sha256(path: Path) -> bytes:
    """SHA-256 of a file's content; OSError when it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


@contextmanager
def known_digests(cache: Path) -> Iterator[Digest]:
    """A `Digest`, for several threads, that remembers in `cache` as far as that can be read and written."""
    target = cache / "digests.json"
    known = _Known(_load(target))
    before = dict(known.seals)
    try:
        yield known.digest
    finally:
        if known.seals != before:
            there = {name: seal for name, seal in known.seals.items() if Path(name).exists()}
            with suppress(OSError):
                atomic.write_bytes(target, json.dumps(there).encode())


class _Known:
    """By path: what the file system said of a file, and the digest of what was then read."""

    def __init__(self, seals: dict[str, list[str]]) -> None:
        self.seals = seals

    def digest(self, path: Path) -> bytes:
        name, begun, status = str(path.absolute()), time.time_ns(), path.stat()
        says = _says(status)
        if (seal := self.seals.get(name)) and seal[0] == says:
            return bytes.fromhex(seal[1])
        found = file_sha256(path)
        settled = begun - max(status.st_mtime_ns, status.st_ctime_ns) > _SETTLED_NS
        if settled and _says(path.stat()) == says:
            self.seals[name] = [says, found.hex()]
        return found


def _says(status: os.stat_result) -> str:
    return f"{status.st_ino} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"


def _load(path: Path) -> dict[str, list[str]]:
    """Empty when there is none or it is damaged."""
    with suppress(OSError, ValueError):
        seals = json.loads(path.read_bytes())
        if isinstance(seals, dict) and all(map(_sound, seals.values())):
            return seals
    return {}


def _sound(seal: object) -> bool:
    if not (isinstance(seal, list) and len(seal) == 2 and all(isinstance(one, str) for one in seal)):
        return False
    with suppress(ValueError):
        return len(bytes.fromhex(seal[1])) == hashlib.sha256().digest_size
    return False
