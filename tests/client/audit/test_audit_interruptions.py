"""The audit trail after kills, power cuts, Ctrl-C and full disks: it goes on, and says what was put right."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from trails import message, trail_of

from client.audit.trail import HEAD_FILE, Trail
from common.errors import TrailError
from common.flower_environment import write_private


def test_a_power_cut_between_line_and_head_is_no_fault(tmp_path: Path) -> None:
    trail = trail_of(tmp_path, 2)
    head = (tmp_path / HEAD_FILE).read_bytes()
    trail.append(message(2))
    (tmp_path / HEAD_FILE).write_bytes(head)
    assert trail.append(message(3)).sequence == 5
    chain = trail.read()
    assert not chain.faults
    assert (chain.entries[3].event, chain.entries[3].details) == ("mended", {"line": "3"})


class Killed(BaseException):
    """The end of a process, which cleans nothing up."""


def die(patched: pytest.MonkeyPatch, step: int) -> None:
    """Kill whoever comes to this step of what goes to the disk; nothing is taken back afterwards."""
    steps = 0

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def one(*told: Any) -> Any:
            nonlocal steps
            steps += 1
            if steps == step:
                patched.setattr(os, "ftruncate", lambda *_: None)
                if real is write:
                    write(told[0], told[1][:20])
                raise Killed
            return real(*told)

        return one

    write = os.write
    for owner, name in ((os, "write"), (os, "fsync"), (os, "truncate"), (Path, "replace")):
        patched.setattr(owner, name, counted(getattr(owner, name)))


@pytest.mark.parametrize("second", range(1, 8))
@pytest.mark.parametrize("first", range(1, 6))
def test_a_trail_goes_on_after_two_kills_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: int, second: int
) -> None:
    trail_of(tmp_path, 2)
    for step in (first, second):
        with monkeypatch.context() as patched:
            die(patched, step)
            with contextlib.suppress(Killed):
                Trail(tmp_path).append(message(2))
    last = Trail(tmp_path).append(message(3))
    chain = Trail(tmp_path).read()
    assert (chain.faults, chain.unfinished, chain.entries[-1]) == ((), 0, last)
    assert [one.event for one in chain.entries[:2]] == ["message", "message"]


def folders_fail(patched: pytest.MonkeyPatch, error: BaseException) -> None:
    """No folder can be made to last."""
    real = os.fsync

    def fsync(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise error
        real(handle)

    patched.setattr(os, "fsync", fsync)


@pytest.mark.parametrize(
    "error", [OSError(errno.EIO, "Input/output error"), KeyboardInterrupt()], ids=["EIO", "Ctrl-C"]
)
def test_a_line_that_the_head_names_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    trail = trail_of(tmp_path, 3)
    with monkeypatch.context() as patched:
        folders_fail(patched, error)
        with pytest.raises((TrailError, KeyboardInterrupt)):
            trail.append(message(3))
    assert not trail.read().faults
    assert trail.append(message(4)).sequence == 5


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_a_file_system_that_does_not_sync_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    folders_fail(monkeypatch, OSError(number, os.strerror(number)))
    trail = trail_of(tmp_path / "site", 2)
    assert len(trail.entries()) == 2


def test_new_names_last_through_a_power_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the file itself, its folder is synced, also of what is replaced and of keys."""
    synced: list[int] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_ino) or real(handle))

    def done() -> list[int]:
        told = list(synced)
        synced.clear()
        return told

    trail = trail_of(tmp_path, 1)
    told = done()
    assert told.index(trail.file.stat().st_ino) < told.index(tmp_path.stat().st_ino)
    assert (tmp_path / HEAD_FILE).parent.stat().st_ino in told
    trail.append(message(1))
    assert tmp_path.stat().st_ino not in done()
    write_private(tmp_path / "pseudonym.key", b"secret")
    assert done() == [(tmp_path / "pseudonym.key").stat().st_ino, tmp_path.stat().st_ino]


def test_half_a_key_does_not_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        die(patched, 1)
        with pytest.raises(Killed):
            write_private(tmp_path / "key", b"secret")
    write_private(tmp_path / "key", b"secret")
    assert (tmp_path / "key").read_bytes() == b"secret"


def test_an_unfinished_line_is_taken_off_and_said(tmp_path: Path) -> None:
    trail = trail_of(tmp_path, 2)
    with trail.file.open("ab") as file:
        file.write(b'{"bytes":12,"cont')
    assert trail.read().unfinished == 17
    assert trail.append(message(2)).sequence == 4
    chain = trail.read()
    assert [one.event for one in chain.entries] == ["message", "message", "mended", "message"]
    assert (chain.faults, chain.unfinished) == ((), 0)


@pytest.fixture
def small_files(tmp_path: Path) -> Iterator[Path]:
    """Files may not grow beyond what the trail has and a few bytes: writes fail half way, as on a full disk."""
    trail_of(tmp_path, 3)
    limit = (tmp_path / "audit.jsonl").stat().st_size + 100
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield tmp_path
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_the_trail_whole(small_files: Path) -> None:
    trail = Trail(small_files)
    before = trail.file.read_bytes()
    with pytest.raises(TrailError, match="cannot be read or written"):
        trail.append(message(3))
    assert trail.file.read_bytes() == before
    assert not trail.read().faults


def test_a_head_that_cannot_be_written_takes_the_line_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trail = trail_of(tmp_path, 3)
    before = trail.file.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr("client.audit.trail.atomic.write_bytes", full)
        with pytest.raises(TrailError, match="No space left"):
            trail.append(message(3))
    assert trail.file.read_bytes() == before
    assert trail.append(message(3)).sequence == 4
