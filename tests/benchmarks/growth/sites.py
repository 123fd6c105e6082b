"""One round of a federation of growing size, its sites in the server's process, with a small network.

`python -m tests.benchmarks.growth.sites SITES ROUNDS` prints, as JSON, what `SiteCosts` holds.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.growth.curve import Curve
from tests.benchmarks.peak import forget_peak, last_line, status_bytes

SECONDS = 600


@dataclass(frozen=True)
class SiteCosts:
    """Seconds of each round; the server's peak of memory beyond what it held before; numbers in the weights."""

    seconds: list[float]
    peak_bytes: int
    weights: int


def site_curves(counts: Sequence[int], rounds: int, say: Callable[[str], None]) -> tuple[list[Curve], int]:
    """Seconds of a round and megabytes of the server by sites, and how many numbers the weights are."""
    found = {}
    for sites in counts:
        say(f"growth: {sites} sites")
        found[sites] = _in_a_process(sites, rounds)
    seconds = Curve("a round", "s", {sites: one.seconds for sites, one in found.items()})
    memory = Curve("the server's memory", "MB", {sites: [one.peak_bytes / 1e6] for sites, one in found.items()})
    return [seconds, memory], found[counts[0]].weights


def _in_a_process(sites: int, rounds: int) -> SiteCosts:
    words = [sys.executable, "-m", __name__, str(sites), str(rounds)]
    return SiteCosts(**json.loads(last_line(words, of=f"{sites} sites", seconds=SECONDS)))


def _measure(folder: Path, sites: int, rounds: int) -> SiteCosts:
    import common.network
    from server.live import Live
    from simulation.federation.grid import ParallelGrid
    from tests.benchmarks.exchange.federation import Size, prepare
    from tests.benchmarks.exchange.stopwatch import round_seconds
    from tests.benchmarks.exchange.untouched import in_process
    from tests.benchmarks.growth.small_trunk import SmallTrunk

    common.network.Trunk = SmallTrunk  # type: ignore[assignment,misc]
    size = Size(sites=sites, training=12, validation=12, pixels=32, rounds=rounds, turns=1, slow_turns=1)
    prepared = prepare(folder, size, _at_once)
    live = Live(folder / "layout", say=lambda _: None)
    layout = prepared.run(folder / "server", ParallelGrid(_at_once, prepared.sites), live).layout
    live.close()
    forget_peak()
    before = status_bytes("VmRSS")
    seconds = round_seconds(prepared, "growth", in_process(prepared))
    weights = sum(layout.size(array) for array in ("parameters", "buffers"))
    return SiteCosts(seconds, max(0, status_bytes("VmHWM") - before), weights)


def _at_once(function: Callable[..., Any], *arguments: Any) -> Future[Any]:
    done: Future[Any] = Future()
    done.set_result(function(*arguments))
    return done


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="pdl1es-benchmark-") as temporary:
        print(json.dumps(asdict(_measure(Path(temporary), int(sys.argv[1]), int(sys.argv[2])))))
