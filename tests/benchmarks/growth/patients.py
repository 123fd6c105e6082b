"""What the pipeline does for each patient beyond computing features, with tiny made-up patients."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from client.check import image_files
from client.clinical import encode, fit_clinical
from client.cohort import read_cohort
from client.exclusion import apply_exclusions
from client.extraction import extract_cohort, write_features
from client.pipeline import Inputs, divided
from client.preflight.clinical_checks import clinical_checks
from client.preflight.flow import flow_checks
from client.preflight.image_checks import image_checks
from client.preflight.roi_checks import roi_checks
from client.preflight.table_checks import table_checks
from client.preflight.twice_checks import twice_checks
from client.selection import mann_whitney
from tests.benchmarks.growth.curve import Curve
from tests.benchmarks.growth.made_up_site import STUDY, made_up_site, made_up_survey

Times = dict[str, float]


def patient_curves(sizes: Sequence[int], turns: int, say: Callable[[str], None]) -> list[Curve]:
    """Seconds of each step by patients, in turns; the smallest comes once before, uncounted."""
    found: dict[str, dict[int, list[float]]] = {}
    _in_a_folder(sizes[0])
    for turn in range(turns):
        for size in sizes:
            say(f"growth: turn {turn + 1}, {size:,} patients")
            for step, seconds in _in_a_folder(size).items():
                found.setdefault(step, {}).setdefault(size, []).append(seconds)
    return [Curve(step, "s", costs) for step, costs in found.items()]


def _in_a_folder(size: int) -> Times:
    with tempfile.TemporaryDirectory(prefix="pdl1es-benchmark-") as folder:
        return _times(Path(folder), size)


def _times(folder: Path, size: int) -> Times:
    site, times = made_up_site(folder, size), Times()
    with _Clock(times, "cohort table"):
        cohort = read_cohort(site)
    with _Clock(times, "exclusions"):
        included = apply_exclusions(cohort.patients, STUDY.cohort)
    with _Clock(times, "cached features"):
        extraction = extract_cohort(
            image_files(site, cohort),
            resampling=STUDY.resampling,
            patches=STUDY.patches,
            radiomics=STUDY.radiomics,
            cache=site.cache,
            jobs=1,
        )
    with _Clock(times, "features.parquet"):
        write_features(extraction, site.cache / "features.parquet")
    with _Clock(times, "division"):
        ready = divided(Inputs(included.patients, extraction, included.excluded, ()), STUDY)
    training = ready.training
    with _Clock(times, "rank tests"):
        mann_whitney(ready.features[training], ready.training_labels())
    with _Clock(times, "imputation"):
        encoded = encode(ready.patients)
        fit_clinical(encoded[training], neighbours=STUDY.clinical.imputation_neighbours).apply(encoded)
    survey = made_up_survey(folder, cohort)
    with _Clock(times, "checks of table and images"):
        for check in (flow_checks(survey, STUDY), clinical_checks(survey), image_checks(survey), roi_checks(survey)):
            list(check)
        list(table_checks(survey, study=STUDY, policy=site.policy))
    with _Clock(times, "search for patients twice"):
        list(twice_checks(survey))
    return times


class _Clock:
    """Notes how long a block takes."""

    def __init__(self, times: Times, step: str) -> None:
        self.times, self.step = times, step

    def __enter__(self) -> None:
        self.start = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.times[self.step] = time.perf_counter() - self.start
