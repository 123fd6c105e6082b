"""Many sites' weights become one, by Flower's own strategies (paper of each in Flower's documentation)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from flwr.app import Array, ArrayRecord, Message, MetricRecord, RecordDict
from flwr.serverapp.strategy import FedAdam, FedAvg, FedMedian, FedTrimmedAvg

from common.errors import PeerError
from common.messages import Arrays
from common.study import Federation
from common.weights import Flat

_WEIGHT = "num-examples"


@dataclass
class ServerOptimizer:
    """Moments of the server's Adam and the number of its steps; empty for the other strategies."""

    steps: int = 0
    moments: dict[str, np.ndarray] = field(default_factory=dict)


def aggregate(
    weights: Arrays,
    updates: Mapping[str, Arrays],
    patients: Mapping[str, int],
    federation: Federation,
    optimizer: ServerOptimizer,
) -> Flat:
    """New weights from the round's old ones and the sites' in the order of their names; the optimiser moves on.

    A weight that no site moved stays to the last bit, such as those of a frozen trunk, which a mean would round.
    Parameters go by the study's strategy; the running statistics of BatchNorm layers by the same robust mean, or
    averaged by patients, since a server optimiser could make a variance negative.
    """
    replies = {
        array: [_reply(array, updates[site][array], patients[site]) for site in sorted(updates)]
        for array in ("parameters", "buffers")
    }
    if federation.aggregation == "fedadam":
        parameters = _fedadam(weights["parameters"], replies["parameters"], federation, optimizer)
    else:
        parameters = _mean(_strategy(federation), replies["parameters"], "parameters")
    means = {"parameters": parameters, "buffers": _mean(_strategy(federation), replies["buffers"], "buffers")}
    return {array: np.where(_moved(array, weights, updates), mean, weights[array]) for array, mean in means.items()}


def _moved(array: str, weights: Arrays, updates: Mapping[str, Arrays]) -> np.ndarray:
    before = np.asarray(weights[array], dtype=np.float32)
    moved = np.zeros(before.shape, dtype=bool)
    for update in updates.values():
        # by their bits, which also tell a zero from a negative zero
        moved |= np.asarray(update[array], dtype=np.float32).view(np.uint32) != before.view(np.uint32)
    return moved


def _strategy(federation: Federation) -> FedAvg:
    if federation.aggregation == "trimmed-mean":
        return FedTrimmedAvg(beta=federation.trimmed_share)
    if federation.aggregation == "median":
        return FedMedian()
    return FedAvg()


def _reply(array: str, values: np.ndarray, patients: int) -> Message:
    arrays = ArrayRecord({array: Array(values)})
    content = RecordDict({"arrays": arrays, "metrics": MetricRecord({_WEIGHT: patients})})
    return Message(content, dst_node_id=0, message_type="train")


def _mean(strategy: FedAvg, replies: list[Message], array: str, *, step: int = 1) -> np.ndarray:
    record, _ = strategy.aggregate_train(step, replies)
    if record is None:
        raise PeerError("training: no update to average; bring the sites back and run again with --resume")
    return np.asarray(record[array].numpy(), dtype=np.float32)


def _fedadam(
    weights: np.ndarray, replies: list[Message], federation: Federation, optimizer: ServerOptimizer
) -> np.ndarray:
    strategy = FedAdam(eta=federation.server_learning_rate)
    strategy.current_arrays = {"parameters": weights}
    if optimizer.moments:
        strategy.m_t, strategy.v_t = ({"parameters": optimizer.moments[name]} for name in ("m", "v"))
    optimizer.steps += 1
    result = _mean(strategy, replies, "parameters", step=optimizer.steps)
    if strategy.m_t is not None and strategy.v_t is not None:
        optimizer.moments = {"m": strategy.m_t["parameters"], "v": strategy.v_t["parameters"]}
    return result
