"""NVIDIA FLARE's simulator with its own FedAvg, in an environment of its own that is made on first use."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from importlib import metadata
from itertools import pairwise
from pathlib import Path

import numpy as np

from tests.benchmarks.environment import PeerFailed, peer_python, run_to_its_end

VERSION = "2.9.0"
RUN_SECONDS = 90
_HERE = Path(__file__).parent / "flare"


def flare_python() -> Path:
    """Python of an environment with FLARE."""
    return peer_python(f"nvflare-{VERSION}", [f"nvflare=={VERSION}", f"numpy=={metadata.version('numpy')}"])


def flare_seconds(
    python: Path, folder: Path, weights: Mapping[str, np.ndarray], *, sites: int, rounds: int, eager: bool
) -> list[float]:
    """Seconds of the rounds of a run, between two arrivals of weights at site-1, without start and first rounds.

    With `eager` nobody waits longer than it must for the next task: FLARE's own settings leave 2 s between two tasks
    of a client, and half a second between two looks of the server.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    np.savez(folder / "weights.npz", **dict(weights))
    # the first round is sent without weights, which the sites supply; the second is a warm-up
    words = [str(python), str(_HERE / "job.py"), str(folder), str(sites), str(rounds + 3), str(int(eager))]
    run_to_its_end(words, seconds=RUN_SECONDS)
    arrivals = [line.split() for line in (folder / "site-1.txt").read_text().splitlines()]
    times = [float(at) for at, arrays in arrivals if int(arrays) == len(weights)][1:]
    if len(times) < 2:
        raise PeerFailed("its clients did not get the weights")
    return [after - before for before, after in pairwise(times)]
