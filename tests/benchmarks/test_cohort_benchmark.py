"""The benchmark of large cohorts: what it counts of a command, its patients, its tables of made-up figures."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from client.check import image_files
from client.cohort import read_cohort
from client.radiomics import extract_features
from client.resampling import resample
from client.site import load_site
from client.volumes import read_volume
from common.errors import DataError
from common.paper_settings import PAPER_RADIOMICS, PAPER_RESAMPLING
from common.parallel import cores
from tests.benchmarks.cohort.benchmark import Runs, cores_table, memory_table, second_table
from tests.benchmarks.cohort.observe import Observation, observe
from tests.benchmarks.cohort.patients import make_site
from tests.benchmarks.table import markdown

BUSY = """
import subprocess, sys, time
held = bytearray(200_000_000)
code = "import time; begun = time.process_time()\\nwhile time.process_time() - begun < 1: pass"
subprocess.run([sys.executable, "-c", code], check=True)
"""


def test_what_is_counted_of_a_command_and_its_workers(tmp_path: Path) -> None:
    seen = observe([sys.executable, "-c", BUSY], folder=tmp_path)
    assert seen.cpu_seconds >= 1 and seen.seconds >= 1
    assert 0 < seen.use <= 1.05
    assert max(seen.processes) == 2 and 1 <= max(seen.running) <= 2
    assert 200e6 < seen.peak_bytes < 300e6


def test_a_command_that_fails_says_its_last_words(tmp_path: Path) -> None:
    words = [sys.executable, "-c", "import sys; print('no such patient'); sys.exit(1)"]
    with pytest.raises(DataError, match=r"ended with 1 \(no such patient\)"):
        observe(words, folder=tmp_path)
    assert observe(words, folder=tmp_path, allowed=(0, 1)).seconds > 0


def test_the_patients_differ_and_have_every_feature(tmp_path: Path) -> None:
    site = load_site(make_site(tmp_path / "site", 2))
    cohort = read_cohort(site)
    assert not cohort.quarantined
    volumes = [read_volume(*files) for files in image_files(site, cohort).values()]
    found = [extract_features(resample(one, PAPER_RESAMPLING), PAPER_RADIOMICS) for one in volumes]
    assert all(not one.not_computed for one in found)
    assert len(found) == 2 and not np.array_equal(found[0].values, found[1].values)


def test_the_tables_tell_growth_and_what_failed() -> None:
    def runs(seconds: float, again: float, peak: float) -> Runs:
        first = Observation(
            seconds, cpu_seconds=seconds * cores() / 2, peak_bytes=peak, processes=[3], running=[2, 4, 3]
        )
        return Runs(first, Observation(again, peak_bytes=peak))

    measured = {
        "features": {10: runs(4.0, 1.0, 100e6), 110: runs(8.0, 2.0, 101e6)},
        "check": {10: DataError("no room\non the disk")},
    }
    table = markdown(cores_table(measured))
    assert "| features, 110 patients: cores in use | 1 | 50 % |" in table
    assert "| check, 10 patients | 0 | not measured: no room on the disk |" in table
    assert "features: 10 kB more for each patient from 10 to 110." in markdown(memory_table(measured))
    assert "| features, 110 patients: second run | 1 | 2 s | 2 s | 2 s | 0.25 |" in markdown(second_table(measured))
