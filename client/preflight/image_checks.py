"""Checks of the CT: what can be read, its values in HU, its voxels."""

from __future__ import annotations

from collections.abc import Iterator

from client.preflight.finding import Check, Item, Topic
from client.preflight.finding_words import span
from client.preflight.look import LOWEST_HU
from client.preflight.survey import Survey
from client.preflight.table_checks import quarantine_items
from common.report.words import counted

AREA = "Images"
OFFSET_HU = -50
"""Fat and air are below; a CT that has nothing there was stored without its rescale intercept."""
IN_PLANE_MM, THICKNESS_MM = 1.5, 5.0
ANISOTROPY = 10.0
"""Slices further apart than this many pixels are wide say little of the shape between them."""
SQUARE = 0.05
PADDED_SHARE = 0.01


def image_checks(survey: Survey) -> Iterator[Check]:
    """What can be read, HU, padding and voxel size."""
    yield _readable(survey)
    if not survey.looks:
        yield Topic(AREA, "Hounsfield units").skipped("no CT can be read")
        return
    yield _hounsfield(survey)
    yield _padding(survey)
    yield _voxels(survey)


def _readable(survey: Survey) -> Check:
    topic, total = Topic(AREA, "CT and mask"), len(survey.cohort.patients)
    if not total:
        return topic.skipped("no row of the table names images that can be looked at")
    of_table = set(survey.cohort.quarantined)
    refused = tuple(one for one in survey.quarantined if one not in of_table)
    if not refused:
        return topic.ok(f"{counted(total, 'CT and mask', 'CT and masks')} can be read and fit each other")
    items = quarantine_items(refused, "")
    return topic.failed(f"{len(refused)} of {total} cannot be used", "mend the files named below", items)


def _hounsfield(survey: Survey) -> Check:
    topic = Topic(AREA, "Hounsfield units")
    seen = {name: one.hounsfield for name, one in survey.looks.items()}
    low, high = min(one.lowest for one in seen.values()), max(one.highest for one in seen.values())
    found = f"{low:g} to {high:g} HU"
    shifted = {name: one for name, one in seen.items() if one.lowest > OFFSET_HU}
    if shifted:
        items = [
            Item(f"from {one.lowest:g} to {one.highest:g}", name, survey.row(name)) for name, one in shifted.items()
        ]
        return topic.failed(
            f"{counted(len(items), 'CT', 'CT')} with no value below {OFFSET_HU}: stored values, not HU",
            "export the CT with its rescale slope and intercept",
            items,
        )
    airless = [
        Item(f"lowest value {one.lowest:g} HU", name, survey.row(name))
        for name, one in seen.items()
        if one.air_share == 0 and one.below_share == 0
    ]
    if airless:
        return topic.warning(
            f"{found}; {counted(len(airless), 'CT', 'CT')} without a voxel of air near -1000",
            "look at these CT: lung and air belong into the picture of a lung tumour",
            airless,
        )
    return topic.ok(f"{found}, air near -1000 in every CT")


def _padding(survey: Survey) -> Check:
    topic = Topic(AREA, "Padding")
    seen = {name: one.hounsfield for name, one in survey.looks.items()}
    near = {name: one for name, one in seen.items() if one.below_share_near > 0}
    if near:
        items = [
            Item(
                f"{one.below_share_near:.1%} of the voxels around the tumour, down to {one.lowest:g}",
                name,
                survey.row(name),
            )
            for name, one in near.items()
        ]
        return topic.warning(
            f"values below {LOWEST_HU} HU around the tumour of {counted(len(near), 'patient')}",
            f"set padding to {LOWEST_HU}; where it lies in the tumour's surroundings it spoils filters and patches",
            items,
        )
    padded = [
        Item(f"{one.below_share:.0%} of the voxels at {one.lowest:g}", name, survey.row(name))
        for name, one in seen.items()
        if one.below_share >= PADDED_SHARE
    ]
    if padded:
        return topic.ok(f"below {LOWEST_HU} HU in {counted(len(padded), 'CT', 'CT')}, away from the tumour", padded)
    return topic.ok(f"hardly a value below {LOWEST_HU} HU, and none around a tumour")


def _voxels(survey: Survey) -> Check:
    topic, odd = Topic(AREA, "Voxel size"), []
    for name, one in survey.looks.items():
        if what := odd_voxels(one.spacing_mm):
            odd.append(Item(what, name, survey.row(name)))
    across = [max(one.spacing_mm[:2]) for one in survey.looks.values()]
    apart = [one.spacing_mm[2] for one in survey.looks.values()]
    found = f"pixels of {span(across)} mm, slices {span(apart)} mm apart"
    if not odd:
        return topic.ok(found)
    return topic.warning(
        f"{found}; {counted(len(odd), 'CT', 'CT')} of unusual voxels",
        f"take the thinnest reconstruction with pixels below {IN_PLANE_MM:g} mm, or leave these patients out",
        odd,
    )


def odd_voxels(spacing_mm: tuple[float, float, float]) -> str:
    """What is unusual of a voxel size (x, y, z in mm); empty when nothing is."""
    x, y, z = spacing_mm
    faults = {
        f"pixels of {max(x, y):.3g} mm": max(x, y) > IN_PLANE_MM,
        f"slices {z:.3g} mm apart": z > THICKNESS_MM,
        f"slices {z / min(x, y):.0f} pixels apart": z / min(x, y) > ANISOTROPY,
        f"pixels of {x:.3g} x {y:.3g} mm, not square": abs(x - y) > SQUARE * max(x, y),
    }
    return ", ".join(fault for fault, there in faults.items() if there)
