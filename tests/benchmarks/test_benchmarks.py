"""The benchmarks' own words: tables of made-up figures, sections of the page, and the command's refusal.

The benchmarks themselves are run by hand: `uv run python -m tests.benchmarks`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.benchmarks.exchange.federation import FULL, QUICK
from tests.benchmarks.exchange.pure import FLARE, FLARE_EAGER, FLOWER, OURS, OURS_PROCESSES, Pure
from tests.benchmarks.exchange.tables import memory_table, pure_table, training_table, wire_table
from tests.benchmarks.exchange.training import Rounds
from tests.benchmarks.machine import machine_lines
from tests.benchmarks.page import replaced, section
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
