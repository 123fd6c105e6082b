"""Everything that sites hand to a server, kept, and searched for what must not be in it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from flwr.app import Message, RecordDict

from client.federation.dataset import Dataset
from simulation.federation.grid import InProcessGrid

RUN_OF_PIXELS = 12
"""So many bytes in a row are a patch's and nobody else's."""


class CapturingGrid(InProcessGrid):
    """Sites whose answers are kept as the server gets them."""

    captured: ClassVar[list[tuple[str, RecordDict]]] = []

    def _answer(self, message: Message) -> Message:
        reply = super()._answer(message)
        self.captured.append((self._nodes[message.metadata.dst_node_id], reply.content))
        return reply


def texts_of(contents: Iterable[RecordDict]) -> list[str]:
    """The JSON of every message."""
    return [str(config["json"]) for content in contents for config in content.config_records.values()]


def bytes_of(contents: Iterable[RecordDict]) -> bytes:
    """All arrays one after another."""
    arrays = (record for content in contents for record in content.array_records.values())
    return b"|".join(array.data for record in arrays for array in record.values())


def unmistakable(dataset: Dataset, seed: int) -> Dataset:
    """The same patients with ages and days that no count, mean or edge is by chance."""
    patients, random = dataset.cohort.patients.copy(), np.random.default_rng(seed)
    for column in ("age", "pfs_days"):
        patients[column] += random.uniform(-0.4, 0.4, len(patients))
    return replace(dataset, cohort=replace(dataset.cohort, patients=patients))


def secrets_in(contents: Iterable[RecordDict], dataset: Dataset) -> Iterator[str]:
    """Which of a site's ids, values and patches are in its messages."""
    contents = list(contents)
    texts, data = texts_of(contents), bytes_of(contents)
    for name in dataset.cohort.patients.index:
        if any(name in text for text in texts) or name.encode() in data:
            yield f"the id {name}"
    told = {number for text in texts for number in _numbers(json.loads(text))}
    told |= {float(np.float32(number)) for number in told}
    for value in _values(dataset):
        single = np.float32(value)
        if {value, float(single)} & told or single.tobytes() in data or np.float64(value).tobytes() in data:
            yield f"the value {value}"
    for pixels in _pixels(dataset):
        as_network_sees = (pixels.astype(np.float32) / 255, pixels.astype(np.float32))
        if any(one.tobytes() in data for one in (pixels, *as_network_sees)):
            yield "pixels"


def _values(dataset: Dataset) -> Iterator[float]:
    patients = dataset.cohort.patients
    for table in (dataset.cohort.features, patients[["age", "pfs_days"]]):
        yield from (float(value) for value in table.to_numpy(dtype=float).ravel() if np.isfinite(value))


def _pixels(dataset: Dataset) -> Iterator[np.ndarray]:
    for patient in dataset.cohort.patches:
        for slice_ in patient:
            middle = slice_[len(slice_) // 2]
            yield middle[:RUN_OF_PIXELS].copy()


def _numbers(content: Any) -> Iterator[float]:
    if isinstance(content, dict):
        content = list(content.values())
    if isinstance(content, list):
        for child in content:
            yield from _numbers(child)
    elif isinstance(content, int | float) and not isinstance(content, bool):
        yield float(content)


def small_counts(content: Any, *, minimum: int, place: str = "") -> Iterator[str]:
    """Counts in a record's JSON that are below the minimum and not 0, by what fields are called."""
    if isinstance(content, list):
        for number, child in enumerate(content):
            yield from small_counts(child, minimum=minimum, place=f"{place}.{number}")
    if not isinstance(content, dict):
        return
    for name, value in content.items():
        if name in ("patients", "excluded", "quarantined", "n", "known"):
            counts = value if isinstance(value, list) else [value]
            if any(count is not None and 0 < count < minimum for count in counts):
                yield f"{place}.{name}"
        yield from small_counts(value, minimum=minimum, place=f"{place}.{name}")
    for one, other in (("events", "censored"), ("positive", "negative"), ("n_positive", "n_negative")):
        if one in content and other in content:
            sums = np.atleast_1d(np.add(content[one], content[other]))
            if ((sums > 0) & (sums < minimum)).any():
                yield f"{place}.{one} and {other}"
