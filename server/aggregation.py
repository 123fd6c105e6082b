"""Many sites' weights become one, by Flower's own strategies (paper of each in Flower's documentation)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from flwr.app import Array, ArrayRecord, Message, MetricRecord, RecordDict
from flwr.serverapp.strategy import FedAdam, FedAvg, FedMedian, FedTrimmedAvg

from common.errors import PeerError
from common.messages import Arrays
from common.study import Federation
from common.weights import Flat

_WEIGHT = "num-examples"
VALUES_AT_A_TIME = 8_000_000
"""Of all sites together."""


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

    Parameters go by the study's strategy; the running statistics of BatchNorm layers by the same robust mean, or
    averaged by patients, since a server optimiser could make a variance negative. A weight that no site moved stays to
    the last bit, such as those of a frozen trunk, which a mean would round. Every strategy takes each weight by itself,
    so they are taken in pieces, and memory does not grow with the sites.
    """
    adam = _Adam(federation, optimizer) if federation.aggregation == "fedadam" else None
    done = {}
    for array in ("parameters", "buffers"):
        pieces = []
        for piece in _pieces(weights[array].size, sites=len(updates)):
            before = np.array(weights[array][piece], dtype=np.float32)
            parts = {site: np.array(updates[site][array][piece], dtype=np.float32) for site in sorted(updates)}
            replies = [_reply(array, values, patients[site]) for site, values in parts.items()]
            if adam is not None and array == "parameters":
                mean = adam.step(before, piece, replies)
            else:
                mean = _mean(_strategy(federation), replies, array)
            pieces.append(np.where(_moved(before, list(parts.values())), mean, before))
        done[array] = np.concatenate(pieces) if pieces else np.array(weights[array])
    if adam is not None:
        adam.finish()
    return done


def _pieces(size: int, *, sites: int) -> Iterator[slice]:
    length = max(1, VALUES_AT_A_TIME // sites)
    return (slice(start, min(start + length, size)) for start in range(0, size, length))


def _moved(before: np.ndarray, parts: Sequence[np.ndarray]) -> np.ndarray:
    """By their bits, which also tell a zero from a negative zero."""
    moved: np.ndarray = np.any([values.view(np.uint32) != before.view(np.uint32) for values in parts], axis=0)
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


class _Adam:
    """One step of the server's Adam, piece by piece."""

    def __init__(self, federation: Federation, optimizer: ServerOptimizer) -> None:
        self.federation, self.optimizer = federation, optimizer
        self.moments: dict[str, list[np.ndarray]] = {"m": [], "v": []}
        optimizer.steps += 1

    def step(self, weights: np.ndarray, piece: slice, replies: list[Message]) -> np.ndarray:
        """New weights of a piece."""
        strategy = FedAdam(eta=self.federation.server_learning_rate)
        strategy.current_arrays = {"parameters": weights}
        if self.optimizer.moments:
            before = ({"parameters": self.optimizer.moments[name][piece]} for name in ("m", "v"))
            strategy.m_t, strategy.v_t = before
        result = _mean(strategy, replies, "parameters", step=self.optimizer.steps)
        for name, found in (("m", strategy.m_t), ("v", strategy.v_t)):
            if found is not None:
                self.moments[name].append(found["parameters"])
        return result

    def finish(self) -> None:
        """The moments of all pieces are the optimiser's from now on."""
        self.optimizer.moments = {name: np.concatenate(parts) for name, parts in self.moments.items() if parts}
