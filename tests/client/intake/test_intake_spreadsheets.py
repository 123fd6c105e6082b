"""The clinic's spreadsheet in every nasty form: encodings, separators, titles, merged cells, headers."""

from __future__ import annotations

import datetime
from pathlib import Path

import openpyxl
import pytest
from spreadsheets import read, write_text, write_xlsx

from client.intake.clinical import ClinicalTable
from common.errors import DataError, UsageError

PLAIN = "patient_id,tps,age,sex\nA1,70,63,male\nA2,5,58,female\n"
CELLS = {"A1": {"tps": "70", "age": "63", "sex": "male"}, "A2": {"tps": "5", "age": "58", "sex": "female"}}


def cells(table: ClinicalTable) -> dict[str, dict[str, str]]:
    found = {name: dict(row.cells) for name, row in table.rows.items()}
    for one in found.values():
        assert one.pop("cohort") == "expression"
    return found


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "latin-1"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_separators_encodings_and_line_ends(tmp_path: Path, delimiter: str, encoding: str, newline: str) -> None:
    text = PLAIN.replace(",", delimiter).replace("\n", newline)
    table = read(write_text(tmp_path / "t.csv", text, encoding))
    assert cells(table) == CELLS
    assert table.rows["A2"].row == 3


def test_chinese_headers_in_gb18030_and_the_guess_is_said(tmp_path: Path) -> None:
    text = "病历号,PD-L1,年龄,性别,吸烟史,家族史\nA1,70,63,男,从不,无\nA2,5,58,女,偶尔,有\n"
    table = read(write_text(tmp_path / "t.csv", text, "gb18030"))
    assert table.rows["A1"].cells["smoking"] == "never"
    assert table.rows["A2"].cells["family_history"] == "yes"
    assert table.rows["A2"].cells["sex"] == "female"
    assert "t.csv is read as GB18030 (guessed), separated by comma" in table.said


def test_german_in_windows_1252_with_decimal_commas(tmp_path: Path) -> None:
    text = "Patienten-ID;PD-L1 TPS;Alter;Geschlecht\nA1;70,5;63,25;männlich\nA2;5;58;weiblich\n"
    table = read(write_text(tmp_path / "t.csv", text, "cp1252"))
    assert table.rows["A1"].cells["tps"] == "70.5"
    assert table.rows["A1"].cells["age"] == "63.25"
    assert table.rows["A1"].cells["sex"] == "male"
    assert any("Windows-1252 (guessed), separated by semicolon" in sentence for sentence in table.said)


def test_title_rows_and_the_rows_of_the_file_are_counted(tmp_path: Path) -> None:
    text = 'Thorax clinic, export\n\n"Patients, lung",,\nMRN,TPS (%),Gender\nA1,70,m\n\nA2,often,f\n'
    table = read(write_text(tmp_path / "t.csv", text))
    assert table.rows["A1"].row == 5
    assert table.faults["A2"].row == 7
    assert "tps (column TPS (%)) is 'often', it is no number" in table.faults["A2"].shown
    assert "often" not in table.faults["A2"].reason


def test_merged_title_and_group_header_in_a_workbook(tmp_path: Path) -> None:
    rows = [
        ["Lung cancer patients", None, None, None],
        ["ID", "Tumour", "Person", None],
        [None, "PD-L1", "Age", "Sex"],
        ["A1", 70, 63, "male"],
        ["A2", 5.0, 58, "female"],
    ]
    path = write_xlsx(tmp_path / "t.xlsx", rows, merge=["A1:D1", "A2:A3", "C2:D2"])
    table = read(path)
    assert cells(table) == CELLS
    assert table.rows["A1"].row == 4


def test_workbook_cells_dates_percentages_numbers_and_booleans(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (
        ["id", "tps", "pfs", "progression", "age", "treatment"],
        [12, 0.7, 120, True, 63, "mono"],
        ["13", 0.05, 90, False, datetime.datetime(1960, 5, 1), "mono"],
        [14, "=0.5*2", 30, 1, 70, "mono"],
    ):
        sheet.append(row)
    for line in (2, 3):
        sheet.cell(line, 2).number_format = "0%"
    book.save(path)
    table = read(path)
    assert dict(table.rows["12"].cells) == {
        "tps": "70", "pfs_days": "120", "progressed": "1", "age": "63", "treatment": "monotherapy",
        "cohort": "immunotherapy",
    }  # fmt: skip
    assert "age is a date where a number belongs" in table.faults["13"].reason
    assert "1960" in table.faults["13"].shown
    assert "1960" not in table.faults["13"].reason
    assert "is a formula without a value" in table.faults["14"].reason
    assert any("pfs says no unit and is taken as days" in sentence for sentence in table.said)


def test_the_sheet_is_chosen_or_named(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    book = openpyxl.Workbook()
    book.active.title = "Empty"
    for name, tps in (("Lung", 70), ("Old", 20)):
        sheet = book.create_sheet(name)
        sheet.append(["id", "tps"])
        sheet.append(["A1", tps])
    book.save(path)
    first = read(path)
    assert first.rows["A1"].cells["tps"] == "70"
    assert "sheet Lung of t.xlsx is read; not read: Old (--sheet)" in first.said
    assert read(path, sheet="old").rows["A1"].cells["tps"] == "20"
    with pytest.raises(UsageError, match="has the sheets Empty, Lung, Old"):
        read(path, sheet="New")
    with pytest.raises(UsageError, match=r"is no \.xlsx"):
        read(write_text(tmp_path / "t.csv", PLAIN), sheet="Lung")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty"),
        ("name;tps\nA;1\n", "no row names a column with the patient's id"),
        ("patient_id,tps\n\n", "has no patient below the header in row 1"),
        ("patient_id,mrn,tps\nA,1,2\n", "'patient_id' and 'mrn' all stand for patient_id; say which with --map"),
        ("patient_id,tps,tps\nA,1,2\n", "all stand for tps; rename one of them"),
        ("patient_id,pfs,pfs (months)\nA,1,2\n", "gives PFS in days and in months"),
        ("patient_id,PFS,event\nA,3.5,1\nB,4,0\n", "give --map pfs_months=PFS, or call the column pfs_days"),
        ("id,Progression-free survival,event\nA,3.5,1\n", "give --map pfs_months=Progression-free survival"),
        ("patient_id,tps\nA,0.7\nB,0.05\n", "TPS is a percentage from 0 to 100"),
    ],
)
def test_tables_that_are_refused(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(DataError) as refused:
        read(write_text(tmp_path / "t.csv", text))
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "is an old .xls or has a password"),
        (b"PK\x03\x04 no zip", "is no .xlsx that can be read"),
        (b"\x00\xd8\x01" * 51, "is neither text nor .xlsx"),
    ],
)
def test_files_that_are_no_table(tmp_path: Path, data: bytes, sentence: str) -> None:
    (tmp_path / "t.xlsx").write_bytes(data)
    with pytest.raises(DataError, match=sentence):
        read(tmp_path / "t.xlsx")


def test_no_file_and_an_empty_workbook(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read(tmp_path / "none.csv")
    with pytest.raises(DataError, match="no sheet has data"):
        read(write_xlsx(tmp_path / "t.xlsx", []))


def test_map_goes_before_synonyms(tmp_path: Path) -> None:
    path = write_text(tmp_path / "t.csv", "ID,MRN,Prog.-free,event,PD-L1,22C3,cohort\n1,A1,10,1,3,80,expression\n")
    maps = ["patient_id=mrn", "pfs_months=prog free", "tps=22c3"]
    table = read(path, maps=maps)
    assert cells(table) == {"A1": {"tps": "80", "progressed": "1", "pfs_days": "304.375"}}
    assert "2 column(s) not used: ID, PD-L1" in table.said


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["tps"], "write OURS=THEIRS"),
        (["colour=x"], "OURS being one of patient_id, cohort"),
        (["tps=a", "tps=b"], "tps is mapped twice"),
        (["tps=nothing"], "has no such column \\(it has patient_id, tps, age, sex\\)"),
        (["patient_id=nothing"], "has no such column"),
    ],
)
def test_wrong_maps_are_wrong_usage(tmp_path: Path, words: list[str], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        read(write_text(tmp_path / "t.csv", PLAIN), maps=words)


def test_a_patient_twice(tmp_path: Path) -> None:
    text = "patient_id,tps,visit\nA,70,1\nB,5,1\nA,70,2\nB,6,2\npatient_id,tps,visit\nC,8,1\n ,9,1\n"
    table = read(write_text(tmp_path / "t.csv", text))
    assert list(table.rows) == ["A", "C"]
    assert table.faults["B"].reason == "stands in rows 3 and 5 with different values; a patient has one row, keep one"
    assert "1 row(s) without a patient's id: row 8" in table.said


def test_a_label_in_place_of_tps_is_noticed(tmp_path: Path) -> None:
    rows = "".join(f"A{number},{number % 2}\n" for number in range(6))
    table = read(write_text(tmp_path / "t.csv", "id,tps\n" + rows))
    assert any("is it a label" in sentence for sentence in table.said)


def test_a_decimal_comma_without_quotes_does_not_shift_a_row(tmp_path: Path) -> None:
    table = read(write_text(tmp_path / "t.csv", "id,age,tps\nA,63,5,70\nB,63,70,\nC,63\n"))
    assert table.faults["A"].reason == "has 4 cells, the header 3; put quotes around values with separators"
    assert table.rows["B"].cells["tps"] == "70"
    assert "neither TPS nor PFS" in table.faults["C"].reason


def test_former_smokers_are_said(tmp_path: Path) -> None:
    path = write_text(tmp_path / "t.csv", "id,tps,smoker\nA,70,Former\nB,60,ex-smoker\nC,5,never\n")
    assert any("2 former smoker(s) taken as occasionally" in sentence for sentence in read(path).said)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "id,tps\nA,0.83\nB,60\nC,45\n",
            "TPS between 0 and 1 beside larger ones, fractions in place of percent? patient A",
        ),
        (
            "id,pfs_days,event\nA,3.5,1\nB,60,0\nC,45,1\n",
            "pfs_days is no whole number, months in place of days? patient A",
        ),
        (
            "id,tps,pfs_days,event,treatment\nA,50,35,1,mono\nB,60,,,\n",
            "1 patient(s) have TPS and PFS and count as immunotherapy; their TPS is not used for the label",
        ),
        (
            "id,tps,Gesundheit\nA,50,1\n",
            "not found: age, sex, smoking, family_history, treatment, pfs_days, progressed (--map age=COLUMN)",
        ),
        ("id,tps\nA,50\nTotal: 1,\n", "row 3 is a total, no patient, and left out"),
    ],
)
def test_what_looks_like_something_else_is_said(tmp_path: Path, text: str, sentence: str) -> None:
    table = read(write_text(tmp_path / "t.csv", text))
    assert sentence in table.said
    assert set(table.patient_ids) <= {"A", "B", "C"}


def test_a_table_in_order_brings_no_suspicion(tmp_path: Path) -> None:
    table = read(write_text(tmp_path / "t.csv", "id,tps,PFS,event\nTotal7,50,,\nB,0,,\nC,,200,1\n"))
    assert set(table.rows) == {"Total7", "B", "C"}
    assert not [one for one in table.said if "in place of" in one or "not found" in one or "total" in one]


def test_all_faults_of_a_row_are_told(tmp_path: Path) -> None:
    fault = read(write_text(tmp_path / "t.csv", "id,tps,age,sex\nA,<1,63 m,x\n")).faults["A"]
    assert all(word in fault.shown for word in ("tps (column tps)", "age (column age)", "sex (column sex)"))
    assert "63 m" not in fault.reason


def test_chinese_and_german_columns_and_words(tmp_path: Path) -> None:
    text = "病人编号,PD-L1表达,治疗方案,无进展生存期（月）,是否进展,Raucher\n"
    text += "A,50,单药,2,是,Ex-Raucher\nB,5,,,,Nichtraucher\n"
    rows = read(write_text(tmp_path / "t.csv", text)).rows
    assert (rows["A"].cells["pfs_days"], rows["A"].cells["smoking"]) == ("60.875", "occasionally")
    assert (rows["B"].cells["tps"], rows["B"].cells["smoking"]) == ("5", "never")
