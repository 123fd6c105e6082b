"""The audit trail: what is altered, moved, removed or cut off is found; what is written is there for good."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trails import message, trail_of

from client.audit.chain import check_chain
from client.audit.entry import FIRST_PREVIOUS, Event, Head
from client.audit.trail import HEAD_FILE, Trail
from common.errors import TrailError

LINES = 6


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[bytes], Head]:
    trail = trail_of(tmp_path_factory.mktemp("trail"), LINES)
    head = Head.model_validate_json((trail.folder / HEAD_FILE).read_bytes())
    return trail.file.read_bytes().splitlines(keepends=True), head


def faults(lines: list[bytes], head: Head) -> tuple[str, ...]:
    return check_chain(b"".join(lines), head).faults


def test_the_chain_is_the_one_that_is_documented(written: tuple[list[bytes], Head]) -> None:
    """Recomputed from the file alone, with nothing of the program."""
    previous = FIRST_PREVIOUS
    for number, line in enumerate(written[0], start=1):
        content = json.loads(line)
        told = content.pop("hash")
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        assert hashlib.sha256(text.encode()).hexdigest() == told
        assert (content["sequence"], content["previous"]) == (number, previous)
        previous = told
    assert (written[1].sequence, written[1].hash) == (LINES, previous)
    assert not faults(*written)


@given(place=st.integers(0, 10**6), bits=st.integers(1, 255))
def test_every_altered_byte_is_found(written: tuple[list[bytes], Head], place: int, bits: int) -> None:
    text = bytearray(b"".join(written[0]))
    text[place % len(text)] ^= bits
    assert check_chain(bytes(text), written[1]).faults


@given(line=st.integers(0, LINES - 1))
def test_a_removed_line_is_found(written: tuple[list[bytes], Head], line: int) -> None:
    lines = written[0][:line] + written[0][line + 1 :]
    found = faults(lines, written[1])
    assert found
    if line < LINES - 1:
        assert found[0].startswith(f"line {line + 1} has number {line + 2}")
    else:
        assert "cut off: 6 lines were written, 5 are there" in found[0]


@given(order=st.permutations(range(LINES)))
def test_another_order_is_found(written: tuple[list[bytes], Head], order: list[int]) -> None:
    assert bool(faults([written[0][place] for place in order], written[1])) is (order != list(range(LINES)))


@given(left=st.integers(0, 10**6))
def test_a_cut_end_is_found(written: tuple[list[bytes], Head], left: int) -> None:
    text = b"".join(written[0])
    assert check_chain(text[: left % len(text)], written[1]).faults


@given(line=st.integers(0, LINES - 1), place=st.integers(0, LINES))
def test_a_line_put_in_again_is_found(written: tuple[list[bytes], Head], line: int, place: int) -> None:
    lines = [*written[0][:place], written[0][line], *written[0][place:]]
    assert faults(lines, written[1])


def test_an_altered_line_is_named(written: tuple[list[bytes], Head]) -> None:
    lines = list(written[0])
    lines[2] = lines[2].replace(b'"size_bytes":1002', b'"size_bytes":1003')
    assert faults(lines, written[1]) == ("line 3 was altered: it is not what was written there",)


def test_a_line_rewritten_with_its_hash_is_found(tmp_path: Path, written: tuple[list[bytes], Head]) -> None:
    """Whoever can compute hashes would have to rewrite every later line, and the head in the other file."""
    trail = trail_of(tmp_path, 2)
    other = Trail(tmp_path / "other")
    other.folder.mkdir()
    other.append(message(7))
    lines = [other.file.read_bytes(), *trail.file.read_bytes().splitlines(keepends=True)[1:]]
    trail.file.write_bytes(b"".join(lines))
    with pytest.raises(TrailError, match="line 2 does not follow"):
        Trail(tmp_path).append(message(9))


def test_the_whole_trail_is_checked_at_first_use_and_then_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole: list[int] = []
    monkeypatch.setattr(
        "client.audit.trail.check_chain", lambda text, head: whole.append(len(text)) or check_chain(text, head)
    )
    trail_of(tmp_path, 5)
    trail = Trail(tmp_path)
    whole.clear()
    for number in range(5, 9):
        trail.append(message(number))
    assert [one.event for one in trail.entries_of("policy", "message")] == ["message"] * 9
    assert len(whole) == 1
    text = trail.file.read_bytes()
    trail.file.write_bytes(text.replace(b'"size_bytes":1002', b'"size_bytes":1003'))
    assert trail.append(message(9)).sequence == 10
    for find in (trail.entries, Trail(tmp_path).entries, lambda: Trail(tmp_path).append(message(10))):
        with pytest.raises(TrailError, match="line 3 was altered"):
            find()
    assert trail.read().faults
    trail.file.write_bytes(trail.file.read_bytes().replace(b'"size_bytes":1009', b'"size_bytes":1008'))
    with pytest.raises(TrailError, match="was altered"):
        trail.append(message(10))


def test_a_line_longer_than_what_is_read_of_the_end(tmp_path: Path) -> None:
    trail = trail_of(tmp_path, 2)
    long = Event(event="policy", details={"note": "x" * 300_000})
    for number in range(2):
        assert trail.append(long).sequence == 3 + 2 * number
        assert trail.append(message(4)).sequence == 4 + 2 * number
    assert not trail.read().faults


def test_a_line_that_no_version_writes_is_no_entry(tmp_path: Path) -> None:
    trail = trail_of(tmp_path, 1)
    told = json.loads(trail.file.read_bytes()) | {"event": "surprise", "phase": None}
    del told["hash"]
    text = json.dumps(told, sort_keys=True, separators=(",", ":"))
    told["hash"] = hashlib.sha256(text.encode()).hexdigest()
    trail.file.write_text(json.dumps(told, sort_keys=True, separators=(",", ":")) + "\n")
    (tmp_path / HEAD_FILE).write_text(json.dumps({"sequence": 1, "hash": told["hash"]}))
    with pytest.raises(TrailError, match="line 1 of the audit trail is no line of this program"):
        trail.entries()


def test_an_older_trail_put_back_is_found(tmp_path: Path) -> None:
    trail = trail_of(tmp_path, 3)
    before = trail.file.read_bytes()
    trail.append(message(3))
    trail.append(message(4))
    trail.file.write_bytes(before)
    with pytest.raises(TrailError, match="cut off: 5 lines were written, 3 are there"):
        trail.append(message(5))
    trail.file.unlink()
    with pytest.raises(TrailError, match="cut off"):
        trail.entries()


def test_a_lost_head_is_found(tmp_path: Path) -> None:
    trail = trail_of(tmp_path, 3)
    (tmp_path / HEAD_FILE).unlink()
    with pytest.raises(TrailError):
        trail.append(message(3))
    (tmp_path / HEAD_FILE).write_text("{}")
    with pytest.raises(TrailError, match="back from a backup"):
        trail.append(message(3))


def test_only_the_owner_reads_the_trail(tmp_path: Path) -> None:
    trail = trail_of(tmp_path, 1)
    for path in (trail.file, tmp_path / HEAD_FILE):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_two_processes_append_at_once(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from trails import message; from client.audit.trail import Trail\n"
    code += "for number in range(40): Trail(Path(sys.argv[1])).append(message(number))"
    paths = os.pathsep.join((str(Path(__file__).parent), str(Path(__file__).parents[3])))
    command = [sys.executable, "-c", code, str(tmp_path)]
    started = [subprocess.Popen(command, env=os.environ | {"PYTHONPATH": paths}) for _ in range(2)]
    assert [process.wait(timeout=120) for process in started] == [0, 0]
    chain = Trail(tmp_path).read()
    assert not chain.faults
    assert len(chain.entries) == 80
