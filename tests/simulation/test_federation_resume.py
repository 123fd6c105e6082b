"""Whatever stops a federation, the run that is resumed ends with the weights of one that was not stopped."""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from flwr.app import Message
from small_federation import SmallFederation, federation

from client.app import app as client_app
from common import atomic
from common.errors import DataError, PeerError, StudyError
from simulation.federation.grid import InProcessGrid

KINDS = ("fedadam", "fedbn")
"""Those with a state at the server, and at the sites, beside what fedavg has."""


class Stopped(BaseException):
    """Stands for a server that ends without warning; nothing may catch it."""


class StoppingGrid(InProcessGrid):
    """Stops once before and once after each site computes its answer to each question."""

    stops: set[tuple[str, ...]]

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        for number in message_ids:
            message = self._open.pop(number)
            text = message.metadata.message_type + str(message.content["record"]["json"])
            question = hashlib.sha256(text.encode()).hexdigest()
            site = self._nodes[message.metadata.dst_node_id]
            self._stop("before", site, question)
            reply = self._answer(message)
            self._stop("after", site, question)
            yield reply

    def _stop(self, *place: str) -> None:
        if place not in self.stops:
            self.stops.add(place)
            raise Stopped


def to_the_end(small: SmallFederation, stop: type[BaseException]) -> tuple[dict[str, Any], int]:
    """Resume until nothing stops the run any more; its results and how often it was stopped."""
    for stopped in count():
        try:
            return small.start(), stopped
        except stop:
            assert stopped < 400
    raise AssertionError


def end(small: SmallFederation, results: dict[str, Any]) -> dict[str, Any]:
    """What must not depend on how often a run was stopped."""
    times = ("seconds", "bytes_sent", "bytes_received")
    rounds = [{name: part for name, part in line.items() if name not in times} for line in results["rounds"]]
    arrays = {
        path.name.rsplit("-", 1)[0]: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((small.server / "state").glob("*.safetensors"))
    }
    return {**results, "rounds": rounds, "runs": None, "arrays": arrays}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Callable[[str], dict[str, Any]]:
    """How an uninterrupted run with an aggregation ends; made once."""
    known: dict[str, dict[str, Any]] = {}

    def ending(kind: str) -> dict[str, Any]:
        if kind not in known:
            small = federation(tmp_path_factory.mktemp(kind), 2, aggregation=f'"{kind}"')
            known[kind] = end(small, small.start())
        return known[kind]

    return ending


@pytest.mark.parametrize("kind", KINDS)
def test_stopped_at_every_message(tmp_path: Path, tiny_trunk: None, whole: Any, kind: str) -> None:
    small = federation(tmp_path, 2, aggregation=f'"{kind}"')
    small.grid_type = type("Stopping", (StoppingGrid,), {"stops": set()})
    results, stopped = to_the_end(small, Stopped)
    # describe, statistics, ranks, 3 rounds and 2 ends of stages, the model, alone, 2 models, 2 of survival
    assert stopped == 2 * 2 * (3 + 5 + 4 + 1)
    assert end(small, results) == whole(kind)


class FullDisk:
    """Disks that are full again and again: the next write fails after 1, 2, 3, ... successful ones."""

    def __init__(self, write: Callable[..., None]) -> None:
        self.write, self.failed, self.left = write, 0, 0

    def __call__(self, path: Path, data: bytes, **how: bool) -> None:
        if not self.left:
            self.failed += 1
            self.left = 1 + self.failed % 16
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        self.left -= 1
        self.write(path, data, **how)


def test_full_disks_of_server_and_sites(
    tmp_path: Path, tiny_trunk: None, whole: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, disk = federation(tmp_path, 2, quorum="2", cross_site="false"), FullDisk(atomic.write_bytes)
    expected = federation(tmp_path / "whole", 2, quorum="2", cross_site="false")
    ending = end(expected, expected.start())
    monkeypatch.setattr(atomic, "write_bytes", disk)
    stops = (OSError, PeerError)
    results, stopped = to_the_end(small, stops)  # type: ignore[arg-type]
    assert stopped > 5
    assert results["signature"] == ending["signature"]


@pytest.mark.parametrize("place", (1, 5, 9))
def test_full_disk_once(
    tmp_path: Path, tiny_trunk: None, whole: Any, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    """A save that fails leaves a state from which the run goes on in the same process as well."""
    small = federation(tmp_path, 2)
    saves = count(1)

    def full(path: Path, content: Any) -> None:
        if path.name == "state.json" and next(saves) == place:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        atomic.write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")

    monkeypatch.setattr(atomic, "write_json", full)
    with pytest.raises(OSError, match="No space left"):
        small.start()
    assert end(small, small.start()) == whole("fedavg")


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"null", b'{"arrays": []}', b'{"format": 1}', b"\xff\xfe"])
def test_damaged_state_is_refused_in_one_line(tmp_path: Path, tiny_trunk: None, damage: bytes) -> None:
    small = federation(tmp_path, 1)
    (small.server / "state").mkdir(parents=True)
    (small.server / "state" / "state.json").write_bytes(damage)
    with pytest.raises(DataError, match=r"state\.json: the state of the run is damaged") as refused:
        small.start()
    assert "\n" not in str(refused.value)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> SmallFederation:
    """A run that stands in the middle of its training."""
    return stop_in_training(federation(tmp_path_factory.mktemp("stopped"), 1))


def stop_in_training(small: SmallFederation) -> SmallFederation:
    class Stops(InProcessGrid):
        def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
            if self._pushed == 5:
                raise Stopped
            return super().pull_messages(message_ids)

    with pytest.raises(Stopped):
        small.start(Stops(client_app, small.folders))
    return small


def test_lost_or_damaged_weights_are_refused(tmp_path: Path, tiny_trunk: None) -> None:
    small = stop_in_training(federation(tmp_path, 1))
    (weights,) = (small.server / "state").glob("current-*.safetensors")
    data = weights.read_bytes()
    weights.write_bytes(data[:-4])
    with pytest.raises(DataError, match="damaged"):
        small.start()
    weights.unlink()
    with pytest.raises(DataError, match="damaged"):
        small.start()


def test_another_study_or_program_is_refused(tmp_path: Path, tiny_trunk: None, monkeypatch: pytest.MonkeyPatch) -> None:
    small = stop_in_training(federation(tmp_path, 1))
    with monkeypatch.context() as patch:
        patch.setattr("server.study_run.code_sha256", lambda: "f" * 64)
        with pytest.raises(StudyError, match="begun with another program") as refused:
            small.start()
        assert "\n" not in str(refused.value)
    small.study_file.write_text(small.text + "\n")
    with pytest.raises(StudyError, match="begun with another study"):
        small.start()
