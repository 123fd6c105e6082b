"""Strange envelopes, texts and arrays are refused before anything looks at them, and never run."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from typing import Any

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict
from message_samples import STATISTICS, TRAINING, WEIGHTS, changed

from common.errors import PeerError
from common.messages import (
    Letter,
    StatisticsReply,
    TrainingReply,
    decode,
    encode,
)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", '"1"', "null", "true"])
def test_what_is_no_number_is_refused(number: str) -> None:
    content = encode(STATISTICS)
    text = json.loads(str(content["record"]["json"]))
    text["radiomics"]["mean"][1] = "HERE"
    content["record"]["json"] = json.dumps(text).replace('"HERE"', number)
    with pytest.raises(PeerError, match="StatisticsReply does not fit"):
        decode(content, StatisticsReply)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, '{"study_sha256": "' + "a" * 64 + '"'])
def test_what_is_no_json_is_refused(text: str) -> None:
    content = encode(STATISTICS)
    content["record"]["json"] = text
    with pytest.raises(PeerError):
        decode(content, StatisticsReply)


def test_a_text_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StatisticsReply, "largest_text", 1000)
    with pytest.raises(PeerError, match="too long"):
        decode(changed(STATISTICS, site="s" * 1000), StatisticsReply)


def test_many_wrong_values_are_refused_at_once() -> None:
    """A million mistakes must not become a million sentences."""
    text = json.dumps({name: [] for name in map(str, range(30_000))})
    wrong = json.dumps([None] * 300_000)
    content = encode(STATISTICS)
    for json_text in (text, '{"radiomics": {"mean": ' + wrong + "}}"):
        content["record"]["json"] = json_text
        with pytest.raises(PeerError, match="StatisticsReply does not fit"):
            decode(content, StatisticsReply)


def strange_envelopes() -> dict[str, RecordDict]:
    def with_value(**values: Any) -> RecordDict:
        content = encode(STATISTICS)
        for name, value in values.items():
            content["record"][name] = value
        return content

    def beside(name: str, record: Any) -> RecordDict:
        content = encode(STATISTICS)
        content[name] = record
        return content

    return {
        "nothing": RecordDict(),
        "an extra key": with_value(patient_id="P0001"),
        "a number for text": with_value(json=3),
        "bytes for text": with_value(json=b"{}"),
        "a list for the kind": with_value(kind=["statistics"]),
        "another version": with_value(version=2),
        "a version of text": with_value(version="1"),
        "an extra record": beside("more", ConfigRecord({"patient_id": "P0001"})),
        "metrics": beside("metrics", MetricRecord({"age": 64})),
        "metrics in place of arrays": beside("arrays", MetricRecord({"age": 64})),
        "arrays of a record without": beside("arrays", ArrayRecord({"parameters": Array(WEIGHTS["parameters"])})),
    }


@pytest.mark.parametrize("what", strange_envelopes())
def test_a_strange_envelope_is_refused(what: str) -> None:
    with pytest.raises(PeerError):
        decode(strange_envelopes()[what], StatisticsReply)


def array_bytes(values: np.ndarray, *, allow_pickle: bool = False) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=allow_pickle)
    return buffer.getvalue()


def header(text: str) -> bytes:
    raw = text.encode().ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(raw).to_bytes(2, "little") + raw


class Bomb:
    """Would be seen if a pickle were read."""

    exploded = False

    def __reduce__(self) -> Any:
        return setattr, (Bomb, "exploded", True)


def strange_arrays() -> dict[str, Array]:
    good = array_bytes(WEIGHTS["parameters"])
    archive = io.BytesIO()
    np.savez(archive, WEIGHTS["parameters"])
    texts = {
        "unclosed": "{'descr': ('<f4",
        "huge": "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387903,), }",
        "large": "{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,), }",
        "negative": "{'descr': '<f4', 'fortran_order': False, 'shape': (-3,), }",
        "nested": "{'descr': " + "(" * 90 + "}",
        "object": "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
        "structured": "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }",
    }
    data = {
        "junk": b"\x00\x01junk",
        "empty": b"",
        "cut": good[:-3],
        "pickle": pickle.dumps(Bomb()),
        "object array": array_bytes(np.array([Bomb()], dtype=object), allow_pickle=True),
        "zip": archive.getvalue(),
        "broken zip": b"PK\x03\x04" + b"\x00" * 40,
        "half precision": array_bytes(WEIGHTS["parameters"].astype(np.float16)),
        "double precision": array_bytes(WEIGHTS["parameters"].astype(np.float64)),
        "big endian": array_bytes(WEIGHTS["parameters"].astype(">f4")),
        "whole numbers": array_bytes(np.arange(7, dtype=np.int32)),
        "text": array_bytes(np.array(["P0001"])),
        "a matrix": array_bytes(np.ones((7, 1), dtype=np.float32)),
        "a scalar": array_bytes(np.float32(1)),  # type: ignore[arg-type]
        "NaN": array_bytes(np.array([1, np.nan], dtype=np.float32)),
        "infinity": array_bytes(np.array([1, -np.inf], dtype=np.float32)),
        **{f"{name} header": header(text) + bytes(8) for name, text in texts.items()},
    }
    arrays = {name: Array("float32", (7,), "numpy.ndarray", content) for name, content in data.items()}
    return {**arrays, "another type of bytes": Array("float32", (7,), "torch.Tensor", good)}


@pytest.mark.parametrize("what", strange_arrays())
def test_a_strange_array_is_refused(what: str) -> None:
    content = encode(TRAINING)
    content["arrays"] = ArrayRecord({"parameters": strange_arrays()[what]})
    with pytest.raises(PeerError, match="array parameters"):
        decode(content, TrainingReply)
    assert not Bomb.exploded


def test_a_zip_bomb_is_not_unpacked() -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("parameters.npy", header(strange_header(2**26)) + bytes(2**28))
    content = encode(TRAINING)
    content["arrays"] = ArrayRecord({"parameters": Array("float32", (7,), "numpy.ndarray", bomb.getvalue())})
    with pytest.raises(PeerError, match="array parameters"):
        decode(content, TrainingReply)


def strange_header(values: int) -> str:
    return f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({values},), }}"


def test_an_array_of_another_name_goes_neither_out_nor_in() -> None:
    with pytest.raises(PeerError, match="does not carry these arrays"):
        encode(Letter(TRAINING.record, {"patients": WEIGHTS["parameters"]}))
    content = encode(TRAINING)
    content["arrays"] = ArrayRecord({"patients": Array(WEIGHTS["parameters"])})
    with pytest.raises(PeerError, match="does not carry these arrays"):
        decode(content, TrainingReply)
