"""What the server's app prints: all of it into a file, to the terminal without Flower's own lines and tracebacks."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import common.errors
from common.errors import DataError, Pdl1esError, PeerError

Show = Callable[[str], None]
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_FLOWERS = re.compile(r"^(INFO|DEBUG) :|^Successfully installed ")
_FAILURE = re.compile(r"^ERROR :\s+ServerApp raised an exception")
_FORESEEN = re.compile(r"^common\.errors\.(\w+): (.*)")


class RunLog:
    """The lines of one run."""

    def __init__(self, file: Path, show: Show) -> None:
        self._file = file.open("w", encoding="utf-8")
        self._show = show
        self._rest, self._failing = "", False
        self.error: Pdl1esError | None = None
        """The foreseen error that ended the app, if that is how it ended."""

    def __enter__(self) -> RunLog:
        return self

    def __exit__(self, *_: object) -> None:
        if self._rest:
            self._line(self._rest)
        self._file.close()

    def feed(self, text: str) -> None:
        """Take a piece, which may end within a line."""
        *lines, self._rest = (self._rest + _COLOURS.sub("", text)).split("\n")
        for line in lines:
            self._line(line)
        self._file.flush()

    def _line(self, line: str) -> None:
        print(line, file=self._file)
        self._failing = self._failing or bool(_FAILURE.match(line))
        if found := _FORESEEN.match(line):
            self.error = _error(found[1], found[2])
        if line.strip() and not self._failing and not _FLOWERS.match(line):
            self._show(line)


def _error(name: str, text: str) -> Pdl1esError:
    kind = getattr(common.errors, name, None)
    code = kind.exit_code if isinstance(kind, type) and issubclass(kind, Pdl1esError) else DataError.exit_code
    return PeerError(text) if code == PeerError.exit_code else DataError(text)
