"""Every patient of a site looked at: the table, what the workers saw, and who cannot be computed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from client.check import everyone_in_quarantine, image_files
from client.cohort import Cohort, read_cohort
from client.extraction_task import Refusal
from client.known_digests import known_digests
from client.preflight.look import Look, Task
from client.preflight.look_cache import known_look, look_path
from client.quarantine import Quarantined
from client.site import Site
from client.workers import WorkerDied, run_in_workers
from common.paper_settings import PAPER_RESAMPLING
from common.progress import progress_bar
from common.study import Study

LUNG_WINDOW_HU = (-1350.0, 150.0)
"""Shown when no study says another."""


@dataclass(frozen=True)
class Survey:
    """The table, what was seen of each patient whose images can be used, in the table's order, and the quarantine."""

    cohort: Cohort
    looks: dict[str, Look]
    quarantined: tuple[Quarantined, ...]

    @property
    def rows(self) -> int:
        """Rows of the table."""
        return len(self.cohort.patients) + len(self.cohort.quarantined)

    def row(self, patient_id: str) -> int:
        """Line of the table in which a patient stands."""
        return int(self.cohort.patients["row"][patient_id])


def survey(site: Site, study: Study | None, *, jobs: int) -> Survey:
    """Read the table and look at every image and mask, as far as resampling; DataError when there is no table.

    What was seen before is found in the site's cache.
    """
    cohort = read_cohort(site)
    resampling = study.resampling if study else PAPER_RESAMPLING
    window = study.patches.window_hu if study else LUNG_WINDOW_HU
    files = image_files(site, cohort)
    tasks = [Task(image, mask, resampling, window) for image, mask in files.values()]
    outcomes = dict(zip(files, _look_at_all(tasks, site.cache, jobs=jobs), strict=True))
    refused = tuple(
        Quarantined(name, one.reason, str(one.file)) for name, one in outcomes.items() if isinstance(one, Refusal)
    )
    looks = {name: one for name, one in outcomes.items() if isinstance(one, Look)}
    return Survey(cohort, looks, everyone_in_quarantine(cohort, refused))


def _look_at_all(tasks: list[Task], cache: Path, *, jobs: int) -> list[Look | Refusal]:
    found: dict[int, Look | Refusal] = {}
    wanted = _with_paths(tasks, cache, jobs=jobs)
    with progress_bar("images and masks", len(tasks)) as advance:
        for index, outcome in run_in_workers(known_look, wanted, jobs=jobs):
            image = tasks[index].image
            found[index] = Refusal(image, outcome.sentence()) if isinstance(outcome, WorkerDied) else outcome
            advance(1)
    return [found[index] for index in range(len(tasks))]


def _with_paths(tasks: list[Task], cache: Path, *, jobs: int) -> list[tuple[Task, Path | None]]:
    found = []
    bar = progress_bar("what is known already", len(tasks))
    with bar as advance, known_digests(cache) as digest, ThreadPoolExecutor(jobs) as threads:
        for task, path in zip(tasks, threads.map(lambda one: look_path(one, cache, digest), tasks), strict=True):
            found.append((task, path))
            advance(1)
    return found
