"""Checks of the masks: how large, in how many slices and pieces, and whether the tumour lies in the body."""

from __future__ import annotations

from collections.abc import Iterator

from client.preflight.finding import Check, Item, Topic
from client.preflight.finding_words import span
from client.preflight.look import Tumour
from client.preflight.survey import Survey
from common.report.words import counted

AREA = "Tumours"
LEAST_SLICES = 3
"""The network looks at the largest slice and its two neighbours."""
VOLUMES_ML = (0.1, 1000.0)
FAR_APART_MM = 10.0
OUTSIDE_WARNING, OUTSIDE_FAILED = 0.1, 0.5


def roi_checks(survey: Survey) -> Iterator[Check]:
    """Size, edges, pieces and place of the tumours."""
    seen = {name: one.tumour for name, one in survey.looks.items()}
    if not seen:
        yield Topic(AREA, "Size").skipped("no mask can be read")
        return
    yield _size(survey, seen)
    yield _edges(survey, seen)
    yield _pieces(survey, seen)
    yield _place(survey, seen)


def _named(survey: Survey, faults: dict[str, str]) -> list[Item]:
    return [Item(what, name, survey.row(name)) for name, what in faults.items() if what]


def _size(survey: Survey, seen: dict[str, Tumour]) -> Check:
    topic, volumes = Topic(AREA, "Size"), [one.ml for one in seen.values()]
    odd = _named(survey, {name: odd_size(one) for name, one in seen.items()})
    found = f"{span(volumes)} ml, in {min(one.slices for one in seen.values())} slices or more"
    if not odd:
        return topic.ok(found)
    return topic.warning(
        f"{found}; {counted(len(odd), 'tumour')} of unusual size",
        "look at these masks: the whole tumour is drawn, in every slice that shows it",
        odd,
    )


def odd_size(one: Tumour) -> str:
    """What is unusual of a tumour's size; empty when nothing is."""
    low, high = VOLUMES_ML
    faults = {
        f"{one.ml:.2g} ml, {counted(one.voxels, 'voxel')}": not low <= one.ml <= high,
        f"{counted(one.slices, 'slice')}, three are used": one.slices < LEAST_SLICES,
    }
    return ", ".join(fault for fault, there in faults.items() if there)


def _edges(survey: Survey, seen: dict[str, Tumour]) -> Check:
    topic = Topic(AREA, "Edge of the image")
    cut = _named(
        survey, {name: f"ends at the edge along {', '.join(one.touches)}" for name, one in seen.items() if one.touches}
    )
    if not cut:
        return topic.ok("every tumour lies wholly inside its CT")
    return topic.warning(
        f"{counted(len(cut), 'tumour')} at the edge of the image, perhaps cut off",
        "export the whole CT, or draw the mask on the series that shows the whole tumour",
        cut,
    )


def _pieces(survey: Survey, seen: dict[str, Tumour]) -> Check:
    topic = Topic(AREA, "Pieces")
    apart = {name: one for name, one in seen.items() if one.gap_mm > FAR_APART_MM}
    items = _named(
        survey, {name: f"{one.pieces} pieces, up to {one.gap_mm:.0f} mm apart" for name, one in apart.items()}
    )
    if not items:
        return topic.ok(f"no mask has pieces more than {FAR_APART_MM:g} mm apart")
    return topic.warning(
        f"{counted(len(items), 'mask')} in pieces more than {FAR_APART_MM:g} mm apart",
        "keep the primary tumour; remove stray voxels, nodes and other lesions",
        items,
    )


def _place(survey: Survey, seen: dict[str, Tumour]) -> Check:
    topic = Topic(AREA, "Inside the body")
    shares = {name: one.outside_share for name, one in seen.items() if one.outside_share > OUTSIDE_WARNING}
    items = _named(survey, {name: f"{share:.0%} of the mask is air outside the body" for name, share in shares.items()})
    if not items:
        return topic.ok("every tumour lies inside the body")
    found, remedy = (
        f"{counted(len(items), 'mask')} in the air",
        "the mask lies beside the tumour: draw or export it again",
    )
    return (topic.failed if max(shares.values()) > OUTSIDE_FAILED else topic.warning)(found, remedy, items)
