"""The files that a site's table names, and its quarantine with the rows they stand in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from client.cohort import Cohort
from client.quarantine import Quarantined
from client.site import Site


def image_files(site: Site, cohort: Cohort) -> dict[str, tuple[Path, Path]]:
    """Image and mask of each patient that the table names, in its order."""
    table = cohort.patients
    rows = zip(table.index, table["image"], table["mask"], strict=True)
    return {str(name): (site.folder / image, site.folder / mask) for name, image, mask in rows}


def with_rows(quarantined: tuple[Quarantined, ...], cohort: Cohort) -> tuple[Quarantined, ...]:
    """The same with the line of the table each patient stands in."""
    rows = cohort.patients["row"]
    return tuple(Quarantined(one.patient_id, one.reason, one.file, int(rows[one.patient_id])) for one in quarantined)


def everyone_in_quarantine(cohort: Cohort, of_images: tuple[Quarantined, ...]) -> tuple[Quarantined, ...]:
    """Those of the table and those of the images, with their rows, sorted as the table is."""
    return in_row_order((*cohort.quarantined, *with_rows(of_images, cohort)))


def in_row_order(quarantined: tuple[Quarantined, ...]) -> tuple[Quarantined, ...]:
    """Sorted as the table is."""
    return tuple(sorted(quarantined, key=lambda one: one.row or 0))


def quarantine_records(quarantined: tuple[Quarantined, ...]) -> list[dict[str, Any]]:
    """The quarantine for a JSON file."""
    return [
        {"patient_id": one.patient_id, "row": one.row, "file": one.file, "reason": one.reason} for one in quarantined
    ]
