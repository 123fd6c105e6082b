"""Many patients on all cores: ours as `pdl1es-site features` computes them, PyRadiomics by its own recipe."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from client.extraction import extract_cohort
from common.paper_settings import PAPER_PATCHES, PAPER_RADIOMICS, PAPER_RESAMPLING
from common.parallel import cores
from tests.benchmarks.radiomics.cases import Patient
from tests.benchmarks.radiomics.competitors import POOL
from tests.benchmarks.radiomics.engine import PAPER, Engine
from tests.benchmarks.radiomics.measured import LONGEST_SECONDS, Say


def cohort_seconds(patients: Sequence[Patient], turns: int, say: Say) -> tuple[list[float], list[float]]:
    """Seconds of ours and of PyRadiomics for all patients, with all cores, in turns."""
    ours, theirs = [], []
    paths = [path for patient in patients for path in (patient.image, patient.mask)]
    with Engine(POOL.program, PAPER | {"jobs": cores()}) as pool:
        for turn in range(turns):
            say(f"radiomics: turn {turn + 1}, {len(patients)} patients on all cores")
            ours.append(_ours(patients))
            theirs.append(pool.ask(paths, seconds=LONGEST_SECONDS).seconds)
    return ours, theirs


def _ours(patients: Sequence[Patient]) -> float:
    with tempfile.TemporaryDirectory(prefix="pdl1es-benchmark-") as cache:
        start = time.perf_counter()
        done = extract_cohort(
            {patient.case.name: (patient.image, patient.mask) for patient in patients},
            resampling=PAPER_RESAMPLING,
            patches=PAPER_PATCHES,
            radiomics=PAPER_RADIOMICS,
            cache=Path(cache),
            jobs=cores(),
        )
        seconds = time.perf_counter() - start
    if done.computed != len(patients):
        raise RuntimeError(f"{done.computed} of {len(patients)} patients were computed: {done.quarantined}")
    return seconds
