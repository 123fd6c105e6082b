"""Cells: units, words, ranges, dates; which cohort they make a patient belong to; nothing but DataError in any case."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spreadsheets import read, write_text, write_xlsx

from client.cohort import RANGES, WORDS
from client.intake.cells import CellError, own_value
from client.intake.cohort_rule import cohort_of
from client.intake.matching import match_patients
from client.intake.value_rules import parse_values
from common.errors import DataError, UsageError

COLUMNS = (*(name for name in WORDS if name != "cohort"), *RANGES, "pfs_months")


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [
        ("tps", "70%", "70"), ("tps", " 70 % ", "70"), ("tps", "7,5", "7.5"), ("tps", "７０", "70"), ("tps", "0", "0"),
        ("tps", "n/a", ""), ("tps", "-", ""), ("tps", ".", ""), ("tps", "Unknown", ""), ("tps", "\xa0", ""),
        ("age", "63 y", "63"), ("age", "63 years", "63"), ("age", "63 Jahre", "63"), ("age", "63岁", "63"),
        ("pfs_days", "120 days", "120"), ("pfs_months", "2", "60.875"), ("pfs_months", "2 months", "60.875"),
        ("sex", "M", "male"), ("sex", "Woman", "female"), ("sex", "männlich", "male"), ("sex", "女", "female"),
        ("smoking", "Ex-smoker", "occasionally"), ("smoking", "former", "occasionally"),
        ("smoking", "CURRENT", "constantly"), ("smoking", "never", "never"),
        ("family_history", "Y", "yes"), ("family_history", "0", "no"),
        ("progressed", "yes", "1"), ("progressed", "False", "0"), ("progressed", "0:Not Progressed", "0"),
        ("treatment", "Mono", "monotherapy"), ("split", "train", "training"),
    ],
)  # fmt: skip
def test_usual_spellings(column: str, text: str, value: str) -> None:
    assert own_value(column, text, {}) == value


@pytest.mark.parametrize(
    ("column", "text", "rule"),
    [
        ("tps", "<1", "range"), ("tps", "1-49", "range"), ("tps", ">= 50 %", "range"), ("tps", "1 to 5", "range"),
        ("tps", "120", "beyond what is possible, 0 to 100"), ("tps", "-5", "beyond"), ("tps", "high", "no number"),
        ("age", "01.05.1960", "date where a number belongs"), ("age", "1960-05-01", "date"), ("age", "5/1/60", "date"),
        ("age", "63 months", "unit"), ("age", "45413", "beyond"), ("age", "nan%", "no number"),
        ("pfs_days", "4 months", "unit"), ("pfs_days", "1,234", "thousands"), ("pfs_days", "1.234,5", "no number"),
        ("pfs_days", "1e3", "unit"), ("sex", "1", "--value sex:1=male"), ("sex", "x", "--value sex:THEIRS=OURS"),
        ("smoking", "20 pack years", "never or occasionally or constantly"), ("treatment", "2", "number"),
    ],
)  # fmt: skip
def test_what_is_refused_says_why_without_what_was_given(column: str, text: str, rule: str) -> None:
    with pytest.raises(CellError) as refused:
        own_value(column, text, {})
    assert rule in refused.value.rule
    if len(text) > 2:
        assert text not in refused.value.rule


def test_value_rules_give_words_a_meaning(tmp_path: Path) -> None:
    path = write_text(tmp_path / "t.csv", "id,tps,sex,smoking\nA,5,1,Pack: 10=yes\nB,<1,2,\n")
    rules = ["sex:1=male", "sex:2=female", "smoking:pack: 10=yes=constantly", "tps:<1=0", "age:x="]
    table = read(path, values=rules)
    assert dict(table.rows["A"].cells) == {"tps": "5", "sex": "male", "smoking": "constantly", "cohort": "expression"}
    assert dict(table.rows["B"].cells) == {"tps": "0", "sex": "female", "smoking": "", "cohort": "expression"}


@pytest.mark.parametrize(
    "word", ["sex", "sex:1", "colour:1=male", "sex:1=man", "tps:x=often", "tps:x=101", "pfs_months:x=1"]
)
def test_wrong_value_rules_are_wrong_usage(word: str) -> None:
    with pytest.raises(UsageError, match="--value"):
        parse_values([word])
    with pytest.raises(UsageError, match="two meanings"):
        parse_values(["sex:1=male", "sex:1=female"])


@pytest.mark.parametrize(
    ("cells", "cohort", "fault"),
    [
        ({"tps": "5"}, "expression", ""),
        ({"pfs_days": "5", "progressed": "0"}, "immunotherapy", ""),
        ({"tps": "5", "pfs_days": "5", "progressed": "1", "treatment": "monotherapy"}, "immunotherapy", ""),
        ({"tps": "5", "pfs_days": "5", "progressed": "1"}, "", "add a column cohort"),
        ({"tps": "5", "pfs_days": "5", "progressed": "1", "cohort": "expression"}, "expression", ""),
        ({"pfs_days": "5"}, "", "has pfs_days and no progressed"),
        ({"progressed": "1"}, "", "has progressed and no pfs_days"),
        ({"age": "5"}, "", "neither TPS nor PFS"),
    ],
)
def test_cohort(cells: dict[str, str], cohort: str, fault: str) -> None:
    found, reason = cohort_of(cells)
    assert found == cohort
    assert fault in reason
    assert bool(fault) == bool(reason)


def test_matching_by_spaces_and_lost_zeros() -> None:
    found = match_patients(["00123", "A 1 ", "0045", "045", "new", "x", "x "], ["123", "A 1", "45", "gone", "x"])
    assert found.pairs == {"00123": "123", "A 1 ": "A 1"}
    assert found.by_zeros == ("00123",)
    assert found.alike == ("x", "x ")
    assert found.without_row == ("0045", "045", "new")
    assert found.without_ct == ("45", "gone")


def allowed(column: str, value: str) -> bool:
    if column in WORDS:
        return value in WORDS[column]
    low, high = RANGES.get(column, RANGES["pfs_days"])
    return low <= float(value) <= high


@settings(max_examples=400, deadline=None)
@given(
    column=st.sampled_from(COLUMNS), text=st.one_of(st.text(max_size=12), st.from_regex(r"[-+<]?\d{0,4}[.,%y-]?\d*"))
)
def test_any_cell_becomes_a_value_that_the_table_takes_or_is_refused(column: str, text: str) -> None:
    try:
        value = own_value(column, text, {})
    except CellError as error:
        assert error.rule.isprintable()
        return
    assert not value or allowed(column, value)


BYTES = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=200).map(lambda text: b"patient_id,tps\n" + text.encode("utf-8", "surrogatepass")),
    st.binary(max_size=200).map(lambda data: b"id;age;tps;sex\n" + data),
    st.binary(max_size=100).map(lambda data: b"PK\x03\x04" + data),
    st.binary(max_size=100).map(lambda data: b"\xff\xfei\x00d\x00,\x00" + data),
)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=BYTES)
def test_any_bytes_are_a_table_or_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    try:
        table = read(path)
    except DataError as error:
        assert str(error)
        return
    assert table.patient_ids


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 5000), value=st.integers(0, 255), cut=st.integers(0, 6000))
def test_a_damaged_workbook_is_a_table_or_refused(tmp_path: Path, place: int, value: int, cut: int) -> None:
    path = write_xlsx(tmp_path / "t.xlsx", [["id", "tps"], ["A", 5]])
    data = bytearray(path.read_bytes())
    data[place % len(data)] = value
    path.write_bytes(bytes(data[: max(cut, 1000)]))
    try:
        read(path)
    except DataError as error:
        assert str(error)
