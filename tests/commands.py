"""A command run in this process, as a user calls it."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest


def call(
    main: Callable[[], None], name: str, capsys: pytest.CaptureFixture[str], *words: object
) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of one command; a traceback fails the test."""
    before, sys.argv = sys.argv, [name, *map(str, words)]
    capsys.readouterr()
    try:
        with pytest.raises(SystemExit) as ended:
            main()
    finally:
        sys.argv = before
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return int(ended.value.code or 0), captured.out, captured.err
