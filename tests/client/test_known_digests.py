"""Digests of files that are remembered, and when they are not."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest

from client import known_digests
from client.known_digests import file_sha256
from client.known_digests import known_digests as remembered


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were read."""
    names: list[str] = []
    monkeypatch.setattr(known_digests, "file_sha256", lambda path: names.append(path.name) or file_sha256(path))
    return names


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if every file had lain for a while."""
    monkeypatch.setattr(known_digests, "_SETTLED_NS", -1)


def digest(path: Path) -> str:
    with remembered(path.parent / "cache") as found:
        return found(path).hex()


def written(folder: Path, content: bytes) -> Path:
    (folder / "ct.nii").write_bytes(content)
    return folder / "ct.nii"


@pytest.mark.usefixtures("settled")
def test_a_file_is_read_once(tmp_path: Path, read: list[str]) -> None:
    path = written(tmp_path, b"voxels")
    assert digest(path) == digest(path) == hashlib.sha256(b"voxels").hexdigest()
    assert read == ["ct.nii"]


@pytest.mark.usefixtures("settled")
def test_another_content_under_the_old_name_size_and_date_is_read(tmp_path: Path, read: list[str]) -> None:
    path = written(tmp_path, b"voxels")
    digest(path)
    date = path.stat()
    written(tmp_path, b"VOXELS")
    os.utime(path, ns=(date.st_atime_ns, date.st_mtime_ns))
    assert digest(path) == hashlib.sha256(b"VOXELS").hexdigest()
    other = tmp_path / "other"
    other.write_bytes(b"v0xels")
    shutil.copystat(path, other)
    other.replace(path)
    assert digest(path) == hashlib.sha256(b"v0xels").hexdigest()
    assert len(read) == 3


def test_a_file_of_this_moment_is_not_remembered(tmp_path: Path, read: list[str]) -> None:
    path = written(tmp_path, b"voxels")
    digest(path)
    digest(path)
    assert len(read) == 2 and not (tmp_path / "cache").exists()


@pytest.mark.usefixtures("settled")
def test_a_file_that_changes_while_it_is_read_is_not_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, b"voxels")

    def slow(one: Path) -> bytes:
        found = file_sha256(one)
        written(tmp_path, b"other voxels")
        return found

    monkeypatch.setattr(known_digests, "file_sha256", slow)
    digest(path)
    monkeypatch.undo()
    assert digest(path) == hashlib.sha256(b"other voxels").hexdigest()


def test_a_slow_reading_makes_no_file_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, clock = written(tmp_path, b"voxels"), [path_time(tmp_path)]

    def slow(one: Path) -> bytes:
        clock[0] += 10_000_000_000
        return file_sha256(one)

    monkeypatch.setattr(known_digests.time, "time_ns", lambda: clock[0])
    monkeypatch.setattr(known_digests, "file_sha256", slow)
    digest(path)
    assert not (tmp_path / "cache").exists()


def path_time(folder: Path) -> int:
    return (folder / "ct.nii").stat().st_ctime_ns


@pytest.mark.usefixtures("settled")
def test_a_file_that_is_gone_is_forgotten(tmp_path: Path) -> None:
    path, other = written(tmp_path, b"voxels"), tmp_path / "other.nii"
    other.write_bytes(b"others")
    with remembered(tmp_path / "cache") as found:
        found(path), found(other)
    other.unlink()
    written(tmp_path, b"new voxels")
    digest(path)
    assert list(json.loads((tmp_path / "cache" / "digests.json").read_bytes())) == [str(path)]


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("content", [b"", b"[]", b'{"%s": ["1", "zz"]}', b'{"%s": ["1"]}', b'{"%s": ["%s", "abcd"]}'])
def test_a_damaged_memory_is_none(tmp_path: Path, content: bytes, read: list[str]) -> None:
    path = written(tmp_path, b"voxels")
    digest(path)
    memory = tmp_path / "cache" / "digests.json"
    [(name, (says, _))] = json.loads(memory.read_bytes()).items()
    memory.write_bytes(content.replace(b"%s", name.encode(), 1).replace(b"%s", says.encode()))
    assert digest(path) == hashlib.sha256(b"voxels").hexdigest()
    assert len(read) == 2


@pytest.mark.usefixtures("settled")
def test_a_cache_that_takes_nothing_does_no_harm(tmp_path: Path) -> None:
    path = written(tmp_path, b"voxels")
    (tmp_path / "cache").write_text("a file")
    assert digest(path) == hashlib.sha256(b"voxels").hexdigest()
    with pytest.raises(FileNotFoundError), remembered(tmp_path / "cache") as found:
        found(tmp_path / "none")
