"""Answers wait on disk: the same numbers, no memory that grows with the sites, nothing left behind."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from server.stored_arrays import StoredArrays, clear


def test_arrays_come_back_as_they_were_and_their_file_goes_with_them(tmp_path: Path) -> None:
    arrays = {
        "parameters": np.arange(7, dtype=np.float32),
        "numbers": np.arange(3, dtype=np.uint32),
        "none": np.zeros(0),
    }
    stored = StoredArrays(arrays, tmp_path)
    assert set(stored) == set(arrays) and len(list(tmp_path.iterdir())) == 1
    for name, values in arrays.items():
        assert stored[name].dtype == values.dtype and np.array_equal(stored[name], values)
    kept = stored["parameters"]
    del stored
    gc.collect()
    assert list(tmp_path.iterdir()) == []
    assert kept.tolist() == list(range(7))


def test_what_a_killed_server_left_is_cleared(tmp_path: Path) -> None:
    (tmp_path / "0123.bin").write_bytes(b"left")
    clear(tmp_path)
    assert list(tmp_path.iterdir()) == []


MEMORY = """
import json, resource, sys
import numpy as np
from pathlib import Path
from flwr.supercore.task_identity import TaskIdentity
from common.study import parse_study
from server.aggregation import ServerOptimizer, aggregate
from server.stored_arrays import StoredArrays
from simulation.studies import federated_text, preset_text

TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = 1, 1, 1
sites = int(sys.argv[1])
federation = parse_study(federated_text(preset_text("quick"), sites=2)).federation
weights = {"parameters": np.zeros(4_000_000, dtype=np.float32), "buffers": np.zeros(10, dtype=np.float32)}
folder, updates = Path(sys.argv[2]), {}
for site in range(sites):
    random = np.random.default_rng(site)
    moved = {name: random.standard_normal(values.size, dtype=np.float32) for name, values in weights.items()}
    updates[f"site-{site:03d}"] = StoredArrays(moved, folder)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
aggregate(weights, updates, dict.fromkeys(updates, 10), federation, ServerOptimizer())
print(json.dumps([before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))
"""


def peak_kib(sites: int, folder: Path) -> int:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", MEMORY, str(sites), str(folder)]
    done = subprocess.run(command, capture_output=True, check=True, text=True, env=environment)
    return int(json.loads(done.stdout)[1])


def test_the_memory_of_a_mean_does_not_grow_with_the_sites(tmp_path: Path) -> None:
    """4 sites have 64 MB of updates, 32 sites 512 MB."""
    few, many = (peak_kib(sites, tmp_path / str(sites)) for sites in (4, 32))
    assert many - few < 60_000
