"""cohort.csv: a wrong row goes to quarantine with its place, a wrong table is refused."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from client.cohort import Cohort, read_cohort
from client.exclusion import apply_exclusions
from client.quarantine import Quarantined, check_limit
from client.site import COHORT_COLUMNS, Site, init_site, load_site
from common.errors import DataError, UsageError
from common.study import CohortRules

GOOD = {
    "patient_id": "P1",
    "cohort": "expression",
    "image": "images/P1.nii",
    "mask": "images/P1_mask.nii",
    "tps": "60",
    "age": "61",
    "sex": "male",
    "smoking": "never",
    "family_history": "no",
    "convolution_kernel": "60f",
}
RULES = CohortRules(
    label_tps=50, excluded_kernels=("30f",), immunotherapy_requires=("smoking",), maximum_quarantined=0.5
)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return init_site(tmp_path / "site", name="north")


def write(site: Site, *rows: dict[str, str], header: tuple[str, ...] = COHORT_COLUMNS) -> None:
    lines = [",".join(header), *(",".join(row.get(name, "") for name in header) for row in rows)]
    site.cohort_file.write_text("\n".join(lines) + "\n")


def read(site: Site, *rows: dict[str, str]) -> Cohort:
    write(site, *rows)
    return read_cohort(site)


def test_good_row_is_read(site: Site) -> None:
    cohort = read(site, GOOD)
    patient = cohort.patients.loc["P1"]
    assert (patient["age"], patient["tps"], patient["smoking"], patient["row"]) == (61, 60, "never", 2)
    assert pd.isna(patient["pfs_days"])
    assert not cohort.quarantined


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"smoking": "sometimes"}, "smoking is 'sometimes', it must be never or occasionally or constantly or empty"),
        ({"sex": "M"}, "sex is 'M'"),
        ({"tps": "140"}, "tps is '140', it must be a number from 0 to 100"),
        ({"age": "old"}, "age is 'old'"),
        ({"tps": "nan"}, "tps is 'nan'"),
        ({"image": ""}, "image is empty"),
        ({"image": "../../etc/passwd"}, "it must lie in the site folder"),
        ({"split": "holdout"}, "split is 'holdout'"),
        ({"progressed": "2"}, "progressed is '2'"),
        ({"cohort": "Expression"}, "it must be expression or immunotherapy; correct"),
        ({"manufacturer": "CMS, Inc."}, "has 18 cells, the header 17; put quotes around values with commas"),
        ({"manufacturer": '"CMS\nInc."'}, "manufacturer holds a line break"),
    ],
)
def test_wrong_cell_sends_its_patient_to_quarantine(site: Site, change: dict[str, str], words: str) -> None:
    cohort = read(site, GOOD, {**GOOD, "patient_id": "P2", **change})
    assert list(cohort.patients.index) == ["P1"]
    assert [(item.patient_id, item.row, item.file) for item in cohort.quarantined] == [("P2", 3, "cohort.csv")]
    assert words in cohort.quarantined[0].reason


def test_repeated_patient_is_named_with_all_rows(site: Site) -> None:
    cohort = read(site, GOOD, {**GOOD, "patient_id": "P2"}, GOOD)
    assert list(cohort.patients.index) == ["P2"]
    assert all("stands in rows 2, 4" in item.reason for item in cohort.quarantined)


def test_patient_in_two_divisions_is_named(site: Site) -> None:
    cohort = read(site, {**GOOD, "split": "training"}, {**GOOD, "split": "test"})
    assert cohort.patients.empty
    assert "in the divisions test and training" in cohort.quarantined[0].reason


def test_empty_table_is_refused(site: Site) -> None:
    with pytest.raises(DataError, match="has no patient"):
        read_cohort(site)


def test_missing_column_is_named(site: Site) -> None:
    write(site, GOOD, header=tuple(name for name in COHORT_COLUMNS if name != "smoking"))
    with pytest.raises(DataError, match="has no column smoking"):
        read_cohort(site)


def test_lone_quote_is_named_and_loses_nobody(site: Site) -> None:
    write(site, {**GOOD, "patient_id": '"P1'}, {**GOOD, "patient_id": "P2"})
    with pytest.raises(DataError, match=r"is not a CSV table .* look for a lone quote"):
        read_cohort(site)


def test_semicolons_are_named(site: Site) -> None:
    write(site, GOOD)
    site.cohort_file.write_text(site.cohort_file.read_text().replace(",", ";"))
    with pytest.raises(DataError, match="separated by ';'; save it as CSV with commas"):
        read_cohort(site)


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_line_ends_of_other_systems_are_read(site: Site, end: str) -> None:
    write(site, GOOD)
    site.cohort_file.write_bytes(site.cohort_file.read_text().replace("\n", end).encode())
    assert read_cohort(site).patients.loc["P1", "row"] == 2


def test_patient_without_id_is_named(site: Site) -> None:
    cohort = read(site, {**GOOD, "patient_id": ""}, {**GOOD, "patient_id": ""})
    assert [item.reason.split(",")[0] for item in cohort.quarantined] == ["patient_id is empty"] * 2


def test_byte_order_mark_is_read(site: Site) -> None:
    write(site, GOOD)
    site.cohort_file.write_bytes(b"\xef\xbb\xbf" + site.cohort_file.read_bytes())
    assert list(read_cohort(site).patients.index) == ["P1"]


def test_other_encoding_is_refused(site: Site) -> None:
    write(site, GOOD)
    site.cohort_file.write_bytes(site.cohort_file.read_bytes().replace(b"never", b"n\xe9ver"))
    with pytest.raises(DataError, match="save it as CSV in UTF-8"):
        read_cohort(site)


def test_exclusions_are_counted_by_the_first_rule(site: Site) -> None:
    treated = {**GOOD, "cohort": "immunotherapy", "pfs_days": "100", "progressed": "1", "tps": ""}
    cohort = read(
        site,
        GOOD,
        {**GOOD, "patient_id": "P2", "convolution_kernel": "30f", "tps": ""},
        {**GOOD, "patient_id": "P3", "tps": ""},
        {**treated, "patient_id": "P4"},
        {**treated, "patient_id": "P5", "smoking": ""},
        {**treated, "patient_id": "P6", "progressed": ""},
    )
    included = apply_exclusions(cohort.patients, RULES)
    assert list(included.patients.index) == ["P1", "P4"]
    assert included.excluded == {
        "reconstruction kernel 30f": 1,
        "no TPS": 1,
        "immunotherapy without smoking": 1,
        "no follow-up": 1,
    }


def test_too_many_in_quarantine_stop_the_run() -> None:
    sick = [Quarantined("P1", "mask is empty; draw it again", "images/P1_mask.nii", 2)]
    check_limit(sick, total=2, maximum_fraction=0.5)
    with pytest.raises(DataError, match="1 of 2 patients are in quarantine, the study allows 40%"):
        check_limit(sick, total=2, maximum_fraction=0.4)


def test_site_folder_is_made_once(tmp_path: Path) -> None:
    init_site(tmp_path, name="north")
    assert load_site(tmp_path).name == "north"
    with pytest.raises(UsageError, match="is a site folder already"):
        init_site(tmp_path, name="south")


def test_unknown_key_of_a_site_is_named(tmp_path: Path) -> None:
    init_site(tmp_path, name="north")
    text = (tmp_path / "site.toml").read_text()
    (tmp_path / "site.toml").write_text(text.replace("device", "devcie"))
    with pytest.raises(DataError, match="'devcie', the nearest known key is 'device'"):
        load_site(tmp_path)


@pytest.mark.parametrize(
    ("kernel", "excluded"),
    [("30f", 1), ("B30f", 1), ("b30F", 1), ("I30f\\3", 1), ("130f", 0), ("B30s", 0), ("60f", 0), ("", 0)],
)
def test_kernel_is_known_by_the_scanners_own_name(site: Site, kernel: str, excluded: int) -> None:
    patients = read(site, {**GOOD, "convolution_kernel": kernel}).patients
    found = apply_exclusions(patients, RULES).excluded
    assert found == ({"reconstruction kernel 30f": len(patients)} if excluded else {})
