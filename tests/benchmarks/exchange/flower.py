"""Flower's own FedAvg over the in-process grid, weights as a PyTorch state_dict, as its tutorials do."""

from __future__ import annotations

import time
from itertools import pairwise

from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp.strategy import FedAvg
from torch import Tensor

from simulation.federation.grid import InProcessGrid
from tests.benchmarks.exchange.federation import Prepared

app = ClientApp()


@app.train()
def untouched(message: Message, _: Context) -> Message:
    """Read the weights as they came and give them back."""
    state = message.content["arrays"].to_torch_state_dict()  # type: ignore[union-attr]
    metrics = MetricRecord({"num-examples": 1})
    return Message(RecordDict({"arrays": ArrayRecord(state), "metrics": metrics}), reply_to=message)


def flower_seconds(prepared: Prepared, state: dict[str, Tensor]) -> list[float]:
    """Seconds of the rounds of a run, without its first."""
    times: list[float] = []

    def after_round(_: int, __: ArrayRecord) -> None:
        times.append(time.perf_counter())

    strategy = FedAvg(fraction_evaluate=0.0, min_train_nodes=prepared.size.sites)
    strategy.start(
        grid=InProcessGrid(app, prepared.sites),
        initial_arrays=ArrayRecord(state),
        num_rounds=prepared.size.rounds + 1,
        evaluate_fn=after_round,
    )
    return [after - before for before, after in pairwise(times[1:])]
