"""Checks run in this process, so that a test does not wait for workers; the command's own test has them."""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path

import pytest
from preflight_runs import Ended, Run, in_turn

from client.__main__ import main
from client.preflight import deidentification, montage, preflight, survey
from client.preflight.ibsi_phantom import phantom_check

_phantom_once = cache(phantom_check)


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """No montage is drawn, where a test asks for other things."""
    monkeypatch.setattr(montage, "pages", lambda tiles, jobs, cache: iter(()))


@pytest.fixture
def run_check(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """`pdl1es-site check FOLDER ...` without workers."""
    for module in (survey, deidentification):
        monkeypatch.setattr(module, "run_in_workers", in_turn)
    monkeypatch.setattr(preflight, "phantom_check", _phantom_once)

    def run(folder: Path, *words: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["pdl1es-site", "check", str(folder), *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        text = (folder / "results" / "check" / "results.json").read_text()
        return Ended(int(ended.value.code or 0), captured.out, captured.err, json.loads(text, parse_constant=_refuse))

    return run


def _refuse(word: str) -> None:
    raise AssertionError(f"{word} in results.json")
