"""Whether a large cohort uses all cores, no more threads than these, and no more memory than a small one."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from common.errors import DataError
from common.parallel import cores
from tests.benchmarks.cohort.observe import Observation, observe
from tests.benchmarks.cohort.patients import make_export, make_site
from tests.benchmarks.table import Row, Table

Say = Callable[[str], None]
QUICK, FULL = (20, 40), (1000, 3000, 10_000)
SYNTHETIC_FULL = (100, 300, 1000)
"""The synthetic cohort's patients have real sizes: as many as the paper has, and fewer."""
MEGA = 1e6
SITE = (sys.executable, "-m", "client")
FAILED_CHECKS = 1
"""Exit code of a check of made-up patients, whose noise is no CT."""


@dataclass(frozen=True)
class Runs:
    """A command's first run and its second, over as many patients."""

    first: Observation
    second: Observation


Measured = Mapping[str, Mapping[int, Runs | DataError]]


def cohort(quick: bool, say: Say) -> list[Table]:
    """Each command at each size, twice: all is new, then nothing is."""
    measured: Measured = {
        name: _at_sizes(name, sizes[0] if quick else sizes[1], prepare, say)
        for name, (sizes, prepare) in COMMANDS.items()
    }
    return [cores_table(measured), memory_table(measured), second_table(measured)]


def _at_sizes(
    name: str, sizes: Sequence[int], prepare: Callable[[Path, int], list[str]], say: Say
) -> dict[int, Runs | DataError]:
    found: dict[int, Runs | DataError] = {}
    for patients in sizes:
        say(f"{name}: {patients} patients")
        with tempfile.TemporaryDirectory(prefix="pdl1es-benchmark-") as folder:
            try:
                found[patients] = _twice(name, prepare(Path(folder), patients), Path(folder))
            except DataError as error:
                found[patients] = error
    return found


def _twice(name: str, words: list[str], folder: Path) -> Runs:
    allowed = (0, FAILED_CHECKS) if name == "check" else (0,)
    first, second = (observe(words, folder=folder, allowed=allowed) for _ in range(2))
    return Runs(first, second)


def _synthetic(folder: Path, patients: int) -> list[str]:
    return [sys.executable, "-m", "tests.benchmarks.cohort.synthetic", str(folder / "site"), str(patients)]


def _import(folder: Path, patients: int) -> list[str]:
    export, table = make_export(folder, patients)
    observe([*SITE, "init", str(folder / "site"), "--name", "Made-up"], folder=folder)
    return [*SITE, "import", str(folder / "site"), "--dicom", str(export), "--clinical", str(table)]


def _check(folder: Path, patients: int) -> list[str]:
    return [*SITE, "check", str(make_site(folder / "site", patients))]


def _features(folder: Path, patients: int) -> list[str]:
    return [*SITE, "features", str(make_site(folder / "site", patients))]


COMMANDS: dict[str, tuple[tuple[Sequence[int], Sequence[int]], Callable[[Path, int], list[str]]]] = {
    "synthetic cohort": ((QUICK, SYNTHETIC_FULL), _synthetic),
    "import": ((QUICK, FULL), _import),
    "check": ((QUICK, FULL), _check),
    "features": ((QUICK, FULL), _features),
}


def cores_table(measured: Measured) -> Table:
    """How busy the cores were in the first run over the most patients."""
    rows = []
    for name, sizes in measured.items():
        patients, runs = max(sizes.items())
        what = f"{name}, {patients} patients"
        if isinstance(runs, DataError):
            rows.append(Row(what, "%", why=str(runs)))
        else:
            rows += _cores_rows(what, runs.first)
    notes = (
        f"In use: processor seconds of the command and its workers over wall seconds and {cores()} cores, start and "
        "imports included.",
        "A thread is at work when it has a core or waits for one; each value is a look, ten a second. Well above the "
        "cores they are in each other's way.",
    )
    return Table("Cores at work", "times the cores", rows, notes)


def _cores_rows(what: str, one: Observation) -> list[Row]:
    return [
        Row(f"{what}: cores in use", "%", [100 * one.use]),
        Row(f"{what}: threads at work", "", one.running, [count / cores() for count in one.running]),
        Row(f"{what}: processes", "", one.processes, [count / cores() for count in one.processes]),
    ]


def memory_table(measured: Measured) -> Table:
    """The peak of the command's own process at each size."""
    rows, notes = [], []
    for name, sizes in measured.items():
        peaks = {n: [runs.first.peak_bytes / MEGA] for n, runs in sizes.items() if isinstance(runs, Runs)}
        rows += [
            Row(f"{name}, {n} patients", "MB", peak, [peak[0] / peaks[min(peaks)][0]]) for n, peak in peaks.items()
        ]
        if len(peaks) > 1:
            low, high = min(peaks), max(peaks)
            growth = 1000 * (peaks[high][0] - peaks[low][0]) / (high - low)
            notes.append(f"{name}: {growth:.0f} kB more for each patient from {low} to {high}.")
    return Table("Peak memory of the main process, first run", "times the fewest patients", rows, notes)


def second_table(measured: Measured) -> Table:
    """How long the same command takes when all is done."""
    rows = []
    for name, sizes in measured.items():
        for patients, runs in sizes.items():
            if isinstance(runs, Runs):
                first, second = [runs.first.seconds], [runs.second.seconds]
                rows.append(Row(f"{name}, {patients} patients: first run", "s", first, [1.0]))
                rows.append(Row(f"{name}, {patients} patients: second run", "s", second, [second[0] / first[0]]))
    notes = (
        "The patients have few voxels, so that what a run does beyond the images shows. A second run of check and "
        "features asks the file system whether the images are the same and reads none that lay still since; import "
        "reads the header of every DICOM file.",
    )
    return Table("The same again", "times the first run", rows, notes)
