"""What of a run's lines reaches the terminal, and what error they end with."""

from __future__ import annotations

from pathlib import Path

from common.errors import DataError, PeerError
from server.run_log import RunLog

FAILURE = """\
ERROR :     ServerApp raised an exception
Traceback (most recent call last):
  File "server/app.py", line 1, in main
    raise PeerError("x")
common.errors.PeerError: 2 of 4 sites; wait and resume
ERROR :     Exit Code: 201
"""


def read(folder: Path, *pieces: str) -> tuple[list[str], RunLog]:
    shown: list[str] = []
    with RunLog(folder / "run.log", shown.append) as lines:
        for piece in pieces:
            lines.feed(piece)
    return shown, lines


def test_lines_are_put_together_and_flowers_left_out(tmp_path: Path) -> None:
    shown, lines = read(tmp_path, "\x1b[92mINFO \x1b[0m:      Start\nround 1", ": 2 si", "tes\n\nround 2")
    assert shown == ["round 1: 2 sites", "round 2"]
    assert lines.error is None
    assert (tmp_path / "run.log").read_text().startswith("INFO :")


def test_a_foreseen_error_is_known_and_its_traceback_only_filed(tmp_path: Path) -> None:
    shown, lines = read(tmp_path, "round 1\n", FAILURE[:60], FAILURE[60:])
    assert shown == ["round 1"]
    assert isinstance(lines.error, PeerError)
    assert str(lines.error) == "2 of 4 sites; wait and resume"
    assert "Traceback" in (tmp_path / "run.log").read_text()


def test_another_error_of_ours_says_no(tmp_path: Path) -> None:
    _, lines = read(tmp_path, FAILURE.replace("PeerError", "StudyError"))
    assert isinstance(lines.error, DataError)


def test_an_unknown_error_is_not_taken_for_ours(tmp_path: Path) -> None:
    _, lines = read(tmp_path, FAILURE.replace("common.errors.PeerError", "RuntimeError"))
    assert lines.error is None
