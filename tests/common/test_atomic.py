"""A file is the old one or the new one, also when the disk is full."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from common import atomic


def test_full_disk_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "results.json"
    atomic.write_json(path, {"auc": 0.5})

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        atomic.write_json(path, {"auc": 0.7})
    assert path.read_text() == '{\n  "auc": 0.5\n}\n'
    assert list(tmp_path.iterdir()) == [path]


def test_nan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        atomic.write_json(tmp_path / "results.json", {"auc": float("nan")})
    assert not (tmp_path / "results.json").exists()
