"""The benchmarks' own words: tables of made-up figures, sections of the page, and the command's refusal.

The benchmarks themselves are run by hand: `uv run python -m tests.benchmarks`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import SimpleITK as sitk

from tests.benchmarks.environment import PeerFailed
from tests.benchmarks.exchange.federation import FULL, QUICK
from tests.benchmarks.exchange.pure import FLARE, FLARE_EAGER, FLOWER, OURS, OURS_PROCESSES, Pure
from tests.benchmarks.exchange.tables import memory_table, pure_table, training_table, wire_table
from tests.benchmarks.exchange.training import Rounds
from tests.benchmarks.growth.curve import Curve, growth_table
from tests.benchmarks.growth.patients import patient_curves
from tests.benchmarks.growth.picture import growth_svg
from tests.benchmarks.growth.tumours import tumour_curves
from tests.benchmarks.machine import machine_lines
from tests.benchmarks.page import replaced, section
from tests.benchmarks.radiomics.cases import Case, Patient, at_hand, full_cases, made_up, quick_cases, write_patients
from tests.benchmarks.radiomics.competitors import OURS as PDL1ES
from tests.benchmarks.radiomics.competitors import ROUNDED, SAME_INTERFACE, STOCK
from tests.benchmarks.radiomics.engine import PAPER, Answer, Engine, Program
from tests.benchmarks.radiomics.measured import Answers, largest_difference
from tests.benchmarks.radiomics.tables import cohort_table, tumour_table
from tests.benchmarks.radiomics.tables import memory_table as worker_table
from tests.benchmarks.registry import BENCHMARKS
from tests.benchmarks.table import Row, Table, markdown

ROOT = Path(__file__).parents[2]
ROUNDS = Rounds(federated=[3.0, 4.0, 8.0], alone=[2.0, 2.0, 2.0], wire_bytes=[201.0, 201.0])


def row(text: str, name: str) -> list[str]:
    line = next(one for one in text.splitlines() if one.startswith(f"| {name}"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_row_says_median_extremes_and_ratio() -> None:
    text = markdown(training_table(ROUNDS, QUICK, jobs=2))
    assert row(text, "federated round") == ["federated round", "3", "4 s", "3 s", "8 s", "2.00"]
    assert row(text, "overhead")[1:5] == ["3", "2 s", "1 s", "6 s"]


def test_bytes_and_memory_are_told_in_weights() -> None:
    text = markdown(wire_table(ROUNDS, 100, QUICK))
    assert row(text, "question and answer")[-1] == "1.00"
    memory = {"server": [1e9, 3e9], "client": [5e8], "alone": [4e8]}
    text = markdown(memory_table(memory, 100_000_000, QUICK))
    assert row(text, "server")[2:] == ["2000 MB", "1000 MB", "3000 MB", "20.00"]


def test_what_could_not_be_measured_says_why() -> None:
    turns = {OURS: [[1.0, 2.0, 3.0], [2.0]], OURS_PROCESSES: [[3.0]], FLOWER: [[1.0], [4.0]], FLARE_EAGER: [[8.0]]}
    text = markdown(pure_table(Pure(turns, {FLARE: "no room | on\ndisk"}), FULL, arrays=727))
    assert "| NVIDIA FLARE 2.9.0 simulator, its own waits | 0 | not measured: no room / on disk | | | |" in text
    assert row(text, "Flower")[-1] == "1.25"
    assert row(text, "NVIDIA FLARE 2.9.0 simulator, waits")[-1] == "4.00"


def test_a_section_takes_the_place_of_its_former_run() -> None:
    tables = [Table("Speed", "times", [Row("it", "s", [1.5])])]
    page = replaced("", "one", section("one", tables, machine_lines()))
    page = replaced(page, "two", section("two", tables, ["there"]))
    again = replaced(page, "one", section("one", tables, ["another machine"]))
    assert page.startswith("# Benchmarks") and page.count("## ") - page.count("### ") == 2
    assert "another machine" in again and again.count("<!-- one -->") == 1 and "- there" in again
    assert again.index("## one") < again.index("## two")


def test_an_unknown_name_is_refused_in_one_line() -> None:
    words = [sys.executable, "-m", "tests.benchmarks", "--only", "weather"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == (f"error: --only weather: there is no such benchmark; choose {' or '.join(BENCHMARKS)}\n")


@pytest.fixture
def patient(tmp_path: Path) -> Patient:
    """A made-up tumour of 600 voxels."""
    return write_patients(tmp_path, [Case("600", "made up", 5, lambda: made_up(voxels=600), real=False)])[0]


def answers(**seconds: list[float]) -> Answers:
    named = {"ours": PDL1ES, "stock": STOCK}
    return Answers({named[one].sentence: [Answer(each, 1316, 10**8) for each in seconds[one]] for one in seconds})


@pytest.mark.parametrize(("stock", "verdict"), [(6.0, "reached, 6.0 times"), (4.0, "missed, 4.0 times")])
def test_a_tumour_says_what_was_reached_of_the_aim(patient: Patient, stock: float, verdict: str) -> None:
    measured = answers(ours=[1.0, 1.0, 2.0], stock=[stock] * 3)
    measured.failed[SAME_INTERFACE[0].sentence] = "it crashed"
    text = markdown(tumour_table(patient, measured, {"whole HU": (3e-13, 1316)}))
    assert row(text, "pdl1es")[1:3] == ["3", "60 patients a minute"]
    assert row(text, "pdl1es")[-2:] == [f"{stock:.2f}", "3e-13 of 1316 (whole HU)"]
    assert f"Aim 5 times PyRadiomics: {verdict}." in text
    assert "not measured: it crashed" in text
    assert row(markdown(worker_table([patient], {"600": measured})), "pdl1es")[2] == "100 MB"


def test_many_patients_are_told_a_minute() -> None:
    text = markdown(cohort_table([30.0], [90.0], patients=10, jobs=2))
    assert row(text, "pdl1es")[2] == "20 patients a minute"
    assert row(text, "pdl1es")[-1] == "3.00"


def test_values_are_compared_with_stock_pyradiomics(patient: Patient, tmp_path: Path) -> None:
    largest, values = largest_difference(PDL1ES, ROUNDED, patient, tmp_path, image_types=["Original"])
    assert values == 107
    assert 0 < largest < 1e-6
    coarser = PAPER | {"image_types": ["Original"], "bin_width": 50}
    with Engine(PDL1ES.program, coarser) as engine:
        answer = engine.ask((patient.image, patient.mask), seconds=60, keep=tmp_path / "coarse.json")
    assert answer.values == 107 and answer.peak_bytes > 5e7


def test_an_engine_that_cannot_start_says_why(patient: Patient) -> None:
    with (
        Engine(Program("run_flash.py"), PAPER) as engine,
        pytest.raises(PeerFailed, match="No module named 'flash_radiomics'"),
    ):
        engine.ask((patient.image, patient.mask), seconds=60)


def test_an_engine_that_fails_at_a_patient_says_why_and_goes_on(patient: Patient, tmp_path: Path) -> None:
    with Engine(PDL1ES.program, PAPER | {"image_types": ["Original"]}) as engine:
        with pytest.raises(PeerFailed, match="ImageError"):
            engine.ask((tmp_path / "nothing.nii", patient.mask), seconds=60)
        assert engine.ask((patient.image, patient.mask), seconds=60).values == 107


def test_made_up_tumours_have_the_wanted_size() -> None:
    image, mask = made_up(voxels=5000, spacing=(0.9, 0.9, 1.5))
    inside = sitk.GetArrayFromImage(mask)
    assert inside.sum() * 0.9 * 0.9 * 1.5 == pytest.approx(5000, rel=0.05)
    assert np.argwhere(inside).min() >= 30
    assert image.GetPixelID() == sitk.sitkInt16


def test_without_the_data_only_made_up_tumours_are_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tests.benchmarks.radiomics.cases.DATA", tmp_path / "absent")
    assert at_hand(full_cases()) == []
    assert [one.name for one in at_hand(quick_cases())] == ["made-up"]


def test_growth_names_what_is_worse_than_linear() -> None:
    sizes = (10, 100, 1000)
    square = Curve("pairs", "s", {size: [size**2 / 1e6] for size in sizes})
    straight = Curve("rows", "s", {size: [size / 1e6] for size in sizes})
    # hidden by what is fixed until the largest sizes
    late = Curve("late", "s", {size: [10 + size**2 / 1e3] for size in sizes})
    assert (square.exponent, straight.exponent) == pytest.approx((2, 1))
    assert late.exponent < 1.1 < late.last_exponent
    text = markdown(growth_table("Rows", "rows", [square, straight, late], [], picture="pictures/rows.svg"))
    assert "Worse than linear (an exponent above 1.1): pairs; late." in text
    assert row(text, "pairs, 1,000")[-2:] == ["10000.00", "2.00 (2.00)"]
    assert "![Rows](pictures/rows.svg)" in text


def test_a_picture_of_growth_stands_alone() -> None:
    curve = Curve("rows", "s", {10: [1.0], 100: [10.0]})
    text = growth_svg([curve], of="patients", cost="seconds")
    words = " ".join("".join(one.itertext()) for one in ElementTree.fromstring(text).iter())
    assert "rows: 1.00" in words and "patients" in words
    assert text == growth_svg([curve], of="patients", cost="seconds")


def test_every_step_of_a_patient_and_a_tumour_is_measured() -> None:
    curves = patient_curves((20, 40), 1, lambda _: None)
    assert {"cohort table", "cached features", "division", "search for patients twice"} <= {one.name for one in curves}
    curves += tumour_curves((300, 600), 1, lambda _: None)
    assert all(len(one.costs) == 2 and min(map(min, one.costs.values())) > 0 for one in curves)
