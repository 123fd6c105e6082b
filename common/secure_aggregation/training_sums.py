"""A site's round as a vector that adds up over sites, and the round of all sites from the sum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from common.errors import PeerError
from common.messages.judgements import Validation
from common.secure_aggregation.fixed_point import SUMS, Words, decode_changes, encode_changes
from common.secure_aggregation.masks import Vector
from common.weights import Flat

SCALARS = 7
"""Training patients, loss times them; validation patients, slices, loss, concordant pairs, pairs."""
Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class PooledRound:
    """What the sum over sites says of a round."""

    patients: int
    loss: float | None
    validation: Validation | None
    """None where it was not asked for."""
    arrays: Flat
    """Mean weights by training patients; empty when nothing was trained."""


def training_vector(
    *,
    patients: int,
    loss: float | None,
    validation: Validation | None,
    before: Arrays,
    after: Arrays,
    all_patients: int,
) -> Vector:
    """Parameters as changes from the round's first weights, running statistics as they are, by share of patients.

    `all_patients` are at least this site's. DataError for what is beyond the rings.
    """
    share = patients / max(1, all_patients)
    judged = validation or Validation(patients=0, slices=0, loss_sum=0.0, concordant_pairs=0.0, pairs=0)
    scalars = [patients, patients * (loss or 0.0), judged.patients, judged.slices]
    scalars += [judged.loss_sum, judged.concordant_pairs, judged.pairs]
    changes: Words = np.zeros(0, dtype=np.uint32)
    buffers: Sequence[float] = ()
    if after:
        changes = encode_changes(after["parameters"].astype(np.float64) - before["parameters"], share=share)
        buffers = (after["buffers"].astype(np.float64) * share).tolist()
    numbers = SUMS.encode([*map(float, scalars), *buffers], what="a round's sums")
    return Vector(changes, tuple(numbers), SUMS)


def pooled_round(total: Vector, *, before: Arrays, all_patients: int) -> PooledRound:
    """The round of the sites whose vectors were added up; PeerError when the sum is that of no round."""
    values = np.array(list(map(float, SUMS.decode(total.numbers))))
    patients, loss, seen, slices, loss_sum, concordant, pairs = values[:SCALARS].tolist()
    if patients < 1 or not (0 <= concordant <= pairs * (1 + 1e-9)) or min(loss, seen, slices, loss_sum) < 0:
        raise PeerError("training: the sum over the sites is that of no round; run again with --resume")
    judged = Validation(
        patients=int(seen), slices=int(slices), loss_sum=loss_sum, concordant_pairs=concordant, pairs=int(pairs)
    )
    arrays: Flat = {}
    if total.changes.size:
        share = patients / all_patients
        mean = before["parameters"].astype(np.float64) + decode_changes(total.changes) / share
        arrays = {"parameters": mean.astype(np.float32), "buffers": (values[SCALARS:] / share).astype(np.float32)}
    trained = loss / patients if total.changes.size else None
    return PooledRound(int(patients), trained, judged if slices else None, arrays)
