"""Whether a site's folder is fit to be computed: its table, and every image and mask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from client.cohort import Cohort, read_cohort
from client.extraction_task import Refusal, Scan, look_at
from client.quarantine import Quarantined
from client.site import Site
from client.workers import WorkerDied, run_in_workers
from common.progress import progress_bar
from common.study import Resampling


@dataclass(frozen=True)
class Checked:
    """What a check found: the table, the scans that can be used, and who cannot be computed and why."""

    cohort: Cohort
    scans: dict[str, Scan]
    quarantined: tuple[Quarantined, ...]


def image_files(site: Site, cohort: Cohort) -> dict[str, tuple[Path, Path]]:
    """Image and mask of each patient that the table names, in its order."""
    table = cohort.patients
    rows = zip(table.index, table["image"], table["mask"], strict=True)
    return {str(name): (site.folder / image, site.folder / mask) for name, image, mask in rows}


def with_rows(quarantined: tuple[Quarantined, ...], cohort: Cohort) -> tuple[Quarantined, ...]:
    """The same with the line of the table each patient stands in."""
    rows = cohort.patients["row"]
    return tuple(Quarantined(one.patient_id, one.reason, one.file, int(rows[one.patient_id])) for one in quarantined)


def check_site(site: Site, *, resampling: Resampling, jobs: int) -> Checked:
    """Read the table and try every image and mask as far as resampling; DataError when there is no table."""
    cohort = read_cohort(site)
    files = image_files(site, cohort)
    outcomes = _look_at_all(files, resampling, jobs=jobs)
    scans = {name: one for name in files if isinstance(one := outcomes[name], Scan)}
    refused = tuple(
        Quarantined(name, one.reason, str(one.file)) for name, one in outcomes.items() if isinstance(one, Refusal)
    )
    return Checked(cohort, scans, everyone_in_quarantine(cohort, refused))


def everyone_in_quarantine(cohort: Cohort, of_images: tuple[Quarantined, ...]) -> tuple[Quarantined, ...]:
    """Those of the table and those of the images, with their rows, sorted as the table is."""
    return in_row_order((*cohort.quarantined, *with_rows(of_images, cohort)))


def in_row_order(quarantined: tuple[Quarantined, ...]) -> tuple[Quarantined, ...]:
    """Sorted as the table is."""
    return tuple(sorted(quarantined, key=lambda one: one.row or 0))


def _look_at_all(
    files: Mapping[str, tuple[Path, Path]], resampling: Resampling, *, jobs: int
) -> dict[str, Scan | Refusal]:
    names, found = list(files), {}
    tasks = [(*paths, resampling) for paths in files.values()]
    with progress_bar("images and masks", len(names)) as advance:
        for index, outcome in run_in_workers(look_at, tasks, jobs=jobs):
            image = tasks[index][0]
            found[names[index]] = Refusal(image, outcome.sentence()) if isinstance(outcome, WorkerDied) else outcome
            advance(1)
    return found


def check_results(site: Site, checked: Checked, *, seconds: float) -> dict[str, Any]:
    """The machine's version of a check."""
    table = checked.cohort.patients
    return {
        "site": site.name,
        "patients": len(table) + len(checked.cohort.quarantined),
        "fine": len(checked.scans),
        "cohorts": {str(name): int(count) for name, count in table["cohort"].value_counts().items()},
        "spacing_mm": {
            axis: _range([scan.spacing_mm[i] for scan in checked.scans.values()]) for i, axis in enumerate("xyz")
        },
        "tumour_ml": _range([scan.tumour_ml for scan in checked.scans.values()]),
        "quarantined": quarantine_records(checked.quarantined),
        "seconds": round(seconds, 3),
    }


def quarantine_records(quarantined: tuple[Quarantined, ...]) -> list[dict[str, Any]]:
    """The quarantine for a JSON file."""
    return [
        {"patient_id": one.patient_id, "row": one.row, "file": one.file, "reason": one.reason} for one in quarantined
    ]


def _range(values: list[float]) -> list[float] | None:
    return [round(min(values), 6), round(max(values), 6)] if values else None
