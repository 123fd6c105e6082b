"""What a message holds, told by names, types and sizes, without its numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

import numpy as np
from flwr.app import RecordDict

from client.audit.entry import Content
from common.messages import Arrays, Letter
from common.messages.record import Part

_NOT_NUMBERS = frozenset({"version", "study_sha256", "site", "withheld", "run"})


def contents_of(letter: Letter) -> tuple[Content, ...]:
    """Every field with a value, and every array, of a letter."""
    fields = (_fields(value, name) for name, value in letter.record if name not in _NOT_NUMBERS)
    return (*(one for field in fields for one in field), *_arrays(letter.arrays))


def content_sha256(content: RecordDict) -> str:
    """SHA-256 of what goes over the wire: texts in the order of their keys, then arrays in that of their names."""
    digest = hashlib.sha256()
    for _, config in sorted(content.config_records.items()):
        if "json" in config:
            digest.update(str(config["json"]).encode("utf-8", "surrogatepass"))
    for _, record in sorted(content.array_records.items()):
        for _, array in sorted(record.items()):
            digest.update(array.data)
    return digest.hexdigest()


def _arrays(arrays: Arrays) -> Iterator[Content]:
    for name, value in sorted(arrays.items()):
        yield Content(name=name, dtype=str(value.dtype), shape=value.shape)


def _fields(value: object, name: str) -> Iterator[Content]:
    if isinstance(value, Part):
        for inner, child in value:
            yield from _fields(child, f"{name}.{inner}")
    elif isinstance(value, Mapping):
        for key, child in value.items():
            yield from _fields(child, f"{name}.{key}")
    elif isinstance(value, tuple):
        yield Content(name=name, dtype=_dtype(value[0]) if value else "none", shape=(len(value),))
    elif value is not None:
        yield Content(name=name, dtype=_dtype(value), shape=())


def _dtype(value: object) -> str:
    return "text" if isinstance(value, str) else str(np.asarray(value).dtype)
