"""How fast the 1316 features are computed: beside PyRadiomics called plainly, its parallel recipe and other engines."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import SimpleITK as sitk

from client.resampling import resample
from client.volumes import read_volume
from common.paper_settings import PAPER_RESAMPLING
from common.parallel import cores
from tests.benchmarks.radiomics import tables
from tests.benchmarks.radiomics.cases import ABSENT, Case, Patient, at_hand, every_real_case, full_cases, quick_cases
from tests.benchmarks.radiomics.cases import write_patients as written
from tests.benchmarks.radiomics.cohort import cohort_seconds
from tests.benchmarks.radiomics.competitors import ORIGINAL_ONLY, OURS, ROUNDED, SAME_INTERFACE, STOCK
from tests.benchmarks.radiomics.engine import PAPER
from tests.benchmarks.radiomics.measured import in_turns, largest_difference
from tests.benchmarks.radiomics.stages import stages_table
from tests.benchmarks.table import Table

Say = Callable[[str], None]
UNFILTERED = PAPER | {"image_types": ["Original"]}


def radiomics(quick: bool, say: Say) -> list[Table]:
    """One core on each tumour, the others on the unfiltered image, and many patients on all cores."""
    cases = quick_cases() if quick else full_cases()
    here = at_hand(cases)
    absent = [f"{case.name}, {case.sentence}: {ABSENT}" for case in cases if case not in here]
    for sentence in absent:
        say(f"radiomics: left out: {sentence}")
    with tempfile.TemporaryDirectory(prefix="pdl1es-benchmark-") as folder:
        say("radiomics: writing the tumours")
        patients = written(Path(folder), here)
        found = _one_core(patients, 1 if quick else 3, Path(folder), say)
        say("radiomics: stages")
        found.append(stages_table(patients, 1 if quick else 3))
        found.append(_unfiltered(patients, quick, Path(folder), say))
        found.append(_all_cores(patients, quick, Path(folder), say))
    return [tables.with_absent(table, absent) for table in found]


def _one_core(patients: Sequence[Patient], turns: int, folder: Path, say: Say) -> list[Table]:
    competitors = {OURS: turns, STOCK: turns} | dict.fromkeys(SAME_INTERFACE, 1)
    answers = in_turns(competitors, patients, PAPER, say)
    found = []
    for patient in patients:
        say(f"radiomics: values of {patient.case.name}")
        apart = {
            "whole HU": largest_difference(OURS, ROUNDED, patient, folder),
            "truncated": largest_difference(OURS, STOCK, patient, folder, rounding="truncate"),
        }
        found.append(tables.tumour_table(patient, answers[patient.case.name], apart))
    return [*found, tables.memory_table(patients, answers)]


def _unfiltered(patients: Sequence[Patient], quick: bool, folder: Path, say: Say) -> Table:
    chosen = patients[-1:] if quick else [one for one in patients if one.case.name in ("14k", "48k")]
    ready = [_at_1_mm(patient, folder) for patient in chosen]
    competitors = {OURS: 2, STOCK: 2} | dict.fromkeys(ORIGINAL_ONLY, 1 if quick else 2)
    answers = in_turns(competitors, ready, UNFILTERED, say) if ready else {}
    return tables.unfiltered_table(ready, answers)


def _at_1_mm(patient: Patient, folder: Path) -> Patient:
    """The part around a tumour on the study's grid, which the others then need not resample."""
    volume = resample(read_volume(patient.image, patient.mask), PAPER_RESAMPLING)
    name = f"{patient.case.name}-1-mm"

    def make() -> tuple[sitk.Image, sitk.Image]:
        return sitk.Cast(volume.image, sitk.sitkInt16), volume.mask

    return written(folder, [Case(name, patient.case.sentence, None, make)])[0]


def _all_cores(patients: Sequence[Patient], quick: bool, folder: Path, say: Say) -> Table:
    if quick:
        many = list(patients)
    else:
        say("radiomics: writing all real patients")
        many = written(folder, at_hand(every_real_case()))
    ours, theirs = cohort_seconds(many, 1 if quick else 3, say) if many else ([], [])
    return tables.cohort_table(ours, theirs, patients=len(many), jobs=cores())
