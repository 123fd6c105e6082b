"""Peak memory of a server and of a client, each in a process of its own, beyond what its imports take.

`python -m tests.benchmarks.exchange.memory ROLE FOLDER SIZE` prints the bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.dataset  # noqa: F401 - what is imported late belongs to the imports
import torch
import torch._dynamo

from client.app import app as client_app
from common.messages import Letter, TrainingRequest, encode
from common.parallel import cores, process_pool
from simulation.federation.grid import InProcessGrid
from tests.benchmarks.exchange.alone import training_alone
from tests.benchmarks.exchange.federation import FULL, MANY, QUICK, Prepared
from tests.benchmarks.exchange.stopwatch import round_seconds
from tests.benchmarks.exchange.training import REQUEST_FILE, WEIGHTS_FILE
from tests.benchmarks.exchange.untouched import in_processes
from tests.benchmarks.peak import forget_peak, last_line, status_bytes

SECONDS = 120
SIZES = {"full": FULL, "many": MANY, "quick": QUICK}


def peak_bytes(role: str, prepared: Prepared) -> float:
    """What `python -m` this module prints: server, client or alone, in a process of its own."""
    size = next(name for name, size in SIZES.items() if size == prepared.size)
    words = [sys.executable, "-m", __name__, role, str(prepared.folder), size]
    return float(last_line(words, of=f"memory of {role}", seconds=SECONDS))


def _serve(prepared: Prepared) -> None:
    """Rounds with sites in other processes."""
    with process_pool(jobs=cores()) as submit:
        round_seconds(prepared, "memory", in_processes(prepared, submit))


def _answer(prepared: Prepared) -> None:
    """The answer of the real client app to a training message of a later round."""
    record = TrainingRequest.model_validate_json((prepared.folder / REQUEST_FILE).read_text())
    with np.load(prepared.folder / WEIGHTS_FILE) as stored:
        content = encode(Letter(record, dict(stored)))
    grid = InProcessGrid(client_app, prepared.sites)
    node = next(iter(grid.get_node_ids()))
    message = grid.create_message(content, f"query.{TrainingRequest.kind}", node, "")
    replies = list(grid.pull_messages(grid.push_messages([message])))
    if replies[0].has_error() or not replies[0].content.array_records:
        raise RuntimeError("the client did not train")


def _train(prepared: Prepared) -> None:
    """The same training without a message."""
    record = TrainingRequest.model_validate_json((prepared.folder / REQUEST_FILE).read_text())
    training_alone(next(iter(prepared.sites.values())), record.preparation.model_dump_json())()


ROLES: dict[str, Callable[[Prepared], None]] = {"server": _serve, "client": _answer, "alone": _train}


def _late_imports() -> None:
    """Let torch import what it imports with the first optimiser."""
    weight = torch.zeros(1, requires_grad=True)
    weight.sum().backward()
    torch.optim.Adam([weight], fused=True).step()


if __name__ == "__main__":
    role, folder, size = sys.argv[1:]
    torch.set_num_threads(1)
    _late_imports()
    forget_peak()
    before = status_bytes("VmRSS")
    ROLES[role](Prepared(Path(folder), SIZES[size]))
    print(status_bytes("VmHWM") - before)
