"""What exchanging weights costs: beside the training it serves, in bytes, in memory, and beside other frameworks."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from common.federated_model import federated_network
from common.parallel import cores, process_pool
from server.live import Live
from simulation.federation.grid import ParallelGrid
from tests.benchmarks.exchange import tables
from tests.benchmarks.exchange.federation import FULL, MANY, QUICK, Prepared, Size, Submit, prepare
from tests.benchmarks.exchange.memory import peak_bytes
from tests.benchmarks.exchange.pure import pure_exchange
from tests.benchmarks.exchange.training import rounds_and_alone
from tests.benchmarks.table import Table

Say = Callable[[str], None]


def exchange(quick: bool, say: Say) -> list[Table]:
    """A federation of a few sites, then one of many; at most a quarter of an hour."""
    logging.getLogger("flwr").setLevel(logging.ERROR)
    return [table for size in ((QUICK,) if quick else (FULL, MANY)) for table in _of_size(size, say)]


def _of_size(size: Size, say: Say) -> list[Table]:
    """Prepare a federation once, then measure."""
    with tempfile.TemporaryDirectory(prefix="pdl1es-benchmark-") as folder:
        with process_pool(jobs=cores()) as submit:
            say(f"exchange: preparing {size.sites} sites")
            prepared = prepare(Path(folder), size, submit)
            state, weights = _network(prepared, submit)
            say("exchange: rounds, each beside the same training alone")
            rounds = rounds_and_alone(prepared, submit)
            pure = pure_exchange(prepared, state, submit, say)
        say("exchange: memory")
        # what a site takes does not depend on how many there are
        roles = ("server",) if size == MANY else ("server", "client", "alone")
        memory = {role: [peak_bytes(role, prepared) for _ in range(size.slow_turns)] for role in roles}
    return [
        tables.training_table(rounds, size, jobs=cores()),
        tables.wire_table(rounds, weights, size),
        tables.memory_table(memory, weights, size),
        tables.pure_table(pure, size, arrays=len(state)),
    ]


def _network(prepared: Prepared, submit: Submit) -> tuple[dict[str, Tensor], int]:
    """The network's first weights, and their bytes in float32 as far as they travel."""
    live = Live(prepared.folder / "network", say=lambda _: None)
    run = prepared.run(prepared.folder / "server", ParallelGrid(submit, prepared.sites), live)
    live.close()
    weights = 4 * sum(run.layout.size(array) for array in ("parameters", "buffers"))
    return federated_network(run.study, run.preparation).state_dict(), weights
