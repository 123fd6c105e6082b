"""results.json of a check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from client.check import quarantine_records
from client.preflight.finding import Check, counts
from client.preflight.flow import flow_counts
from client.preflight.look import Look
from client.preflight.preflight import Preflight
from client.preflight.table_checks import missing_values
from common.provenance import versions


def preflight_results(done: Preflight, pictures: Sequence[str]) -> dict[str, Any]:
    """The machine's version of a check; `pictures` are the montage's files beside it."""
    seen, table = done.survey, done.survey.cohort.patients
    looks = list(seen.looks.values())
    return {
        "site": done.site.name,
        "synthetic": done.synthetic,
        "study_sha256": done.study_sha256,
        "state": done.state,
        "counts": counts(done.checks),
        "checks": [_check(one) for one in done.checks],
        "patients": seen.rows,
        "fine": len(looks),
        "cohort": flow_counts(seen, done.study),
        "missing": [
            {"cohort": cohort, "column": column, "missing": n, "patients": total}
            for cohort, column, n, total in missing_values(table)
        ],
        "spacing_mm": {axis: _range([one.spacing_mm[i] for one in looks]) for i, axis in enumerate("xyz")},
        "tumour_ml": _range([one.tumour.ml for one in looks]),
        "scans": {name: _scan(one, row=seen.row(name)) for name, one in seen.looks.items()},
        "quarantined": quarantine_records(seen.quarantined),
        "pictures": list(pictures),
        "versions": versions(),
        "seconds": done.seconds,
    }


def _check(one: Check) -> dict[str, Any]:
    items = [
        {"patient_id": item.patient_id, "row": item.row, "file": item.file, "what": item.what} for item in one.items
    ]
    return {
        "area": one.area,
        "name": one.name,
        "state": one.state,
        "found": one.found,
        "remedy": one.remedy,
        "items": items,
    }


def _scan(one: Look, *, row: int) -> dict[str, Any]:
    values, tumour = one.hounsfield, one.tumour
    return {
        "row": row,
        "size": list(one.size),
        "spacing_mm": [round(step, 6) for step in one.spacing_mm],
        "lowest_hu": values.lowest,
        "highest_hu": values.highest,
        "air_share": round(values.air_share, 6),
        "below_minus_1024_share": round(values.below_share, 6),
        "tumour_ml": round(tumour.ml, 6),
        "tumour_voxels": tumour.voxels,
        "tumour_slices": tumour.slices,
        "tumour_pieces": tumour.pieces,
        "pieces_gap_mm": round(tumour.gap_mm, 3),
        "touches_edge": list(tumour.touches),
        "outside_body_share": round(tumour.outside_share, 6),
        "voxels_sha256": one.content_sha256,
        "synthetic": one.synthetic,
    }


def _range(values: list[float]) -> list[float] | None:
    return [round(min(values), 6), round(max(values), 6)] if values else None
