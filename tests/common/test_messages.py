"""What crosses the wall: records come back as they went, and nothing else gets in or out."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from typing import Any

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict
from hypothesis import given
from hypothesis import strategies as st
from message_samples import LETTERS, REPLIES, REQUESTS, SHA, TABLE, WEIGHTS
from pydantic import ValidationError

from common.errors import DataError, Pdl1esError, PeerError, SignatureError, StudyError, UsageError
from common.messages import (
    CATALOGUE,
    DescribeRequest,
    Fault,
    Letter,
    Preparation,
    RanksReply,
    StatisticsReply,
    StatisticsRequest,
    TrainingReply,
    decode,
    encode,
    encode_fault,
    fault_of,
    message_bytes,
    message_type,
)
from common.messages.shared import ColumnScaling, MomentColumns
from common.pooling import Moments, moments

TRAINING = next(letter for letter in REPLIES if isinstance(letter.record, TrainingReply))
STATISTICS = next(letter for letter in REPLIES if isinstance(letter.record, StatisticsReply))
KINDS = [type(letter.record).__name__ for letter in LETTERS]


def over_the_wire(content: RecordDict) -> RecordDict:
    """Through Flower's own bytes, as between two machines."""
    return RecordDict.inflate(content.deflate(), children=dict(content.children))


def config(letter: Letter, **changes: Any) -> RecordDict:
    """A message whose record was changed on the way."""
    content = encode(letter)
    text = json.loads(str(content["record"]["json"])) | changes
    content["record"]["json"] = json.dumps(text)
    return content


def test_every_kind_has_a_sample() -> None:
    assert {type(letter.record) for letter in REQUESTS} == set(CATALOGUE)
    assert {type(letter.record) for letter in REPLIES} == set(CATALOGUE.values())
    assert len({message_type(request) for request in CATALOGUE}) == len(CATALOGUE)


@pytest.mark.parametrize("letter", LETTERS, ids=KINDS)
def test_a_letter_comes_back_as_it_went(letter: Letter) -> None:
    record, arrays = decode(over_the_wire(encode(letter)), type(letter.record))
    assert record == letter.record
    assert set(arrays) == set(letter.arrays)
    for name, values in arrays.items():
        assert values.dtype == np.float32
        assert values.tobytes() == letter.arrays[name].tobytes()
    assert message_bytes(encode(letter)) >= sum(values.nbytes for values in letter.arrays.values())


@given(st.lists(st.floats(min_value=-1e100, max_value=1e100), min_size=3, max_size=3))
def test_numbers_keep_every_digit(values: list[float]) -> None:
    columns = MomentColumns(n=(1, 2, 3), mean=tuple(values), m2=(0.0, 1.0, 2.0), mean_rest=(0.0, 0.0, 0.0))
    record = STATISTICS.record.model_copy(update={"radiomics": columns})
    back, _ = decode(encode(Letter(record)), StatisticsReply)
    assert np.array(back.radiomics.mean).tobytes() == np.array(values).tobytes()


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=20))
def test_weights_keep_every_bit(values: list[float]) -> None:
    sent = np.array(values, dtype=np.float32)
    _, arrays = decode(encode(Letter(TRAINING.record, {"parameters": sent})), TrainingReply)
    assert arrays["parameters"].tobytes() == sent.tobytes()


def test_moments_survive_both_ways() -> None:
    found = moments(TABLE)
    back = MomentColumns.of(found).moments()
    for name in ("n", "mean", "m2", "mean_rest"):
        assert np.array_equal(getattr(back, name), np.broadcast_to(getattr(found, name), back.mean.shape))
    assert isinstance(back, Moments)


@pytest.mark.parametrize("letter", LETTERS, ids=KINDS)
def test_a_letter_is_no_letter_of_another_kind(letter: Letter) -> None:
    for other in LETTERS:
        if type(other.record) is not type(letter.record):
            changed = encode(letter)
            changed["record"]["kind"] = other.record.kind
            same_shape = set(type(letter.record).model_fields) == set(type(other.record).model_fields)
            for content in (encode(letter), changed):
                if content["record"]["kind"] != other.record.kind or not same_shape:
                    with pytest.raises(PeerError):
                        decode(content, type(other.record))


@pytest.mark.parametrize("letter", LETTERS, ids=KINDS)
def test_a_value_that_is_not_declared_does_not_get_through(letter: Letter) -> None:
    for changes in ({"patient_id": "P0001"}, {"study_sha256": "x"}, {"version": 2}):
        with pytest.raises(PeerError) as refused:
            decode(config(letter, **changes), type(letter.record))
        assert len(str(refused.value)) < 300
    with pytest.raises(ValidationError):
        type(letter.record).model_validate({**letter.record.model_dump(), "patient_id": "P0001"})


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
        decode(config(STATISTICS, site="s" * 1000), StatisticsReply)


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
    def changed(**values: Any) -> RecordDict:
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
        "an extra key": changed(patient_id="P0001"),
        "a number for text": changed(json=3),
        "bytes for text": changed(json=b"{}"),
        "a list for the kind": changed(kind=["statistics"]),
        "another version": changed(version=2),
        "a version of text": changed(version="1"),
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


ERRORS = (DataError, StudyError, UsageError, SignatureError, Pdl1esError, ValueError, OSError, MemoryError, KeyError)


@pytest.mark.parametrize("error", ERRORS)
def test_a_fault_never_tells_of_a_patient(error: type[Exception]) -> None:
    fault = fault_of(error("cohort.csv row 7, patient Hans-Meier-1951: tps is 107"))
    content = over_the_wire(encode_fault(fault))
    assert "Meier" not in fault.model_dump_json()
    with pytest.raises(PeerError, match="its log says why") as told:
        decode(content, StatisticsReply)
    assert "Meier" not in str(told.value)


def test_a_disagreement_is_told_in_its_own_words() -> None:
    fault = fault_of(PeerError("the installed code differs " * 100))
    assert fault.code == "disagrees"
    with pytest.raises(PeerError, match="the installed code differs"):
        decode(encode_fault(fault), RanksReply)


def test_a_fault_is_as_closed_as_a_record() -> None:
    content = encode_fault(Fault(code="data", reason="no"))
    text = json.loads(str(content["record"]["json"]))
    for changes in ({"patient_id": "P0001"}, {"code": "other"}, {"reason": "x" * 301}):
        content["record"]["json"] = json.dumps(text | changes)
        with pytest.raises(PeerError, match="the Fault does not fit"):
            decode(content, StatisticsReply)


@pytest.mark.parametrize("deviation", [0.0, -1.0])
def test_scaling_that_divides_by_nothing_is_refused(deviation: float) -> None:
    with pytest.raises(ValidationError):
        ColumnScaling(mean=(0.0,), deviation=(deviation,))


def test_preparation_of_other_lengths_is_refused() -> None:
    one = ColumnScaling(mean=(0.0,), deviation=(1.0,))
    with pytest.raises(ValidationError):
        Preparation(radiomic_features=("first", "second"), radiomics=one, clinical=one)
    with pytest.raises(ValidationError):
        ColumnScaling(mean=(0.0, 1.0), deviation=(1.0,))


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": -1.0},
        {"loss": 1e308},
        {"patients": -1},
        {"validation": {"patients": 2, "slices": 2, "loss_sum": -1.0, "concordant_pairs": 1.0, "pairs": 1}},
        {"validation": {"patients": 2, "slices": 2, "loss_sum": 1e308, "concordant_pairs": 1.0, "pairs": 1}},
        {"validation": {"patients": 2, "slices": 2, "loss_sum": 1.0, "concordant_pairs": 2.0, "pairs": 1}},
        {"validation": {"patients": 2, "slices": 2, "loss_sum": 1.0, "concordant_pairs": -1.0, "pairs": 1}},
    ],
)
def test_judgements_that_cannot_be_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(PeerError, match="TrainingReply does not fit"):
        decode(config(TRAINING, **changes), TrainingReply)


def test_requests_name_one_study() -> None:
    assert decode(encode(Letter(StatisticsRequest(study_sha256=SHA))), StatisticsRequest)[0].study_sha256 == SHA
    with pytest.raises(ValidationError):
        DescribeRequest(study_sha256=SHA.upper(), code_sha256=SHA, settings_sha256=SHA)
