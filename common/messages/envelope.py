"""Records as Flower's RecordDict and back; what does not fit is refused before anything looks at it."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, RecordDict
from pydantic import ValidationError

from common.errors import PeerError, SpentError
from common.messages.fault import Fault
from common.messages.record import VERSION, Arrays, Letter, Part, Record
from common.study_errors import explain

Kind = TypeVar("Kind", bound=Record)
_RECORD, _ARRAYS = "record", "arrays"


def encode(letter: Letter) -> RecordDict:
    """The Flower form of a letter: the record as JSON, each array flat; PeerError for what may not go."""
    record = letter.record
    if set(letter.arrays) - record.array_names - record.packed_names:
        raise PeerError(f"a {record.kind} record does not carry these arrays; it was not sent")
    content = RecordDict({_RECORD: _text(record)})
    if letter.arrays:
        arrays = {name: Array(_flat(name, value, type(record))) for name, value in letter.arrays.items()}
        content[_ARRAYS] = ArrayRecord(arrays)
    return content


def encode_fault(fault: Fault) -> RecordDict:
    """The Flower form of a fault."""
    return RecordDict({_RECORD: _text(fault)})


def decode(content: RecordDict, expected: type[Kind]) -> tuple[Kind, Arrays]:
    """The record and arrays of a Flower message; PeerError says what does not fit, or is the fault it carries."""
    config, arrays = content.config_records.get(_RECORD), set(content.array_records)
    if config is None or set(config) != {"kind", "version", "json"}:
        raise PeerError("the message is no pdl1es record")
    if arrays - {_ARRAYS} or set(content) != {_RECORD} | arrays:
        raise PeerError("the message is no pdl1es record")
    if config["kind"] == Fault.kind:
        fault = _parsed(config, Fault)
        raise (SpentError if fault.code == "budget" else PeerError)(fault.reason)
    if config["kind"] != expected.kind:
        raise PeerError(f"the record is of another kind than {expected.kind}")
    return _parsed(config, expected), _arrays(content, expected)


def message_bytes(content: RecordDict) -> int:
    """Bytes of a message's records and arrays, as they go over the wire uncompressed."""
    texts = sum(len(str(value)) for config in content.config_records.values() for value in config.values())
    return texts + sum(len(array.data) for record in content.array_records.values() for array in record.values())


def _text(record: Record | Fault) -> ConfigRecord:
    return ConfigRecord({"kind": record.kind, "version": VERSION, "json": record.model_dump_json()})


Parsed = TypeVar("Parsed", bound=Part)


def _parsed(config: ConfigRecord, expected: type[Parsed]) -> Parsed:
    version, text = config["version"], config["json"]
    if version != VERSION:
        raise PeerError(f"the record has version {str(version)[:20]}, this program reads version {VERSION}")
    if not isinstance(text, str) or len(text) > expected.largest_text:
        raise PeerError("the record is no text, or too long")
    try:
        return expected.model_validate_json(text)
    except ValidationError as error:
        raise PeerError(f"the {expected.__name__} does not fit: {explain(error, expected, most=3)[:200]}") from error


def _flat(name: str, value: np.ndarray, kind: type[Record]) -> np.ndarray:
    return np.ascontiguousarray(value, dtype=_array_type(name, kind)).ravel()


def _array_type(name: str, kind: type[Record]) -> str:
    return "uint8" if name in kind.packed_names else kind.array_type


def _arrays(content: RecordDict, expected: type[Record]) -> Arrays:
    record = content.array_records.get(_ARRAYS)
    if record is None:
        return {}
    if set(record) - expected.array_names - expected.packed_names:
        raise PeerError(f"a {expected.kind} record does not carry these arrays")
    return {name: _checked(name, array, _array_type(name, expected)) for name, array in record.items()}


def _checked(name: str, array: Array, kind: str) -> np.ndarray:
    try:
        values = array.numpy()
    except Exception as error:  # foreign bytes make numpy's reader fail in any way, by MemoryError and TokenError too
        raise PeerError(f"array {name} cannot be read") from error
    # numpy gives back an archive where it finds one
    if not isinstance(values, np.ndarray) or values.dtype != np.dtype(kind) or values.ndim != 1:
        raise PeerError(f"array {name} must be flat {kind}")
    if not np.isfinite(values).all():
        raise PeerError(f"array {name} holds NaN or infinity")
    return np.asarray(values)
