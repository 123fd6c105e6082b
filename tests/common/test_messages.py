"""What crosses the wall: records come back as they went, and nothing else gets in or out."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from flwr.app import RecordDict
from hypothesis import given
from hypothesis import strategies as st
from message_samples import LETTERS, REPLIES, REQUESTS, SHA, STATISTICS, TABLE, TRAINING, changed
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

KINDS = [type(letter.record).__name__ for letter in LETTERS]


def over_the_wire(content: RecordDict) -> RecordDict:
    """Through Flower's own bytes, as between two machines."""
    return RecordDict.inflate(content.deflate(), children=dict(content.children))


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
        assert values.dtype == letter.record.array_type
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
            decode(changed(letter, **changes), type(letter.record))
        assert len(str(refused.value)) < 300
    with pytest.raises(ValidationError):
        type(letter.record).model_validate({**letter.record.model_dump(), "patient_id": "P0001"})


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
        decode(changed(TRAINING, **changes), TrainingReply)


def test_requests_name_one_study() -> None:
    assert decode(encode(Letter(StatisticsRequest(study_sha256=SHA))), StatisticsRequest)[0].study_sha256 == SHA
    with pytest.raises(ValidationError):
        DescribeRequest(study_sha256=SHA.upper(), code_sha256=SHA, settings_sha256=SHA)
