"""The same patient twice, under two ids or in two divisions, by what the images show."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from client.preflight.agreement import alike
from client.preflight.finding import Check, Item, Topic
from client.preflight.survey import Survey
from common.report.words import counted, listed

AREA = "Same patient twice"


def twice_checks(survey: Survey) -> Iterator[Check]:
    """CT with the same voxels, and CT that agree in their fine detail."""
    if len(survey.looks) < 2:
        yield Topic(AREA, "Same voxels").skipped("fewer than two CT can be compared")
        return
    yield _same_voxels(survey)
    yield _alike(survey)


def _same_voxels(survey: Survey) -> Check:
    topic, by_content = Topic(AREA, "Same voxels"), defaultdict(list)
    for name, one in survey.looks.items():
        by_content[one.content_sha256].append(name)
    groups = [names for names in by_content.values() if len(names) > 1]
    if not groups:
        return topic.ok(f"{counted(len(survey.looks), 'CT', 'CT')}, each with its own voxels")
    items = [
        Item(f"has the CT of {_with_rows(survey, names[1:])}{_apart(survey, names)}", names[0], survey.row(names[0]))
        for names in groups
    ]
    return topic.failed(f"{counted(len(groups), 'CT', 'CT')} under several ids", "keep one row a patient", items)


def _alike(survey: Survey) -> Check:
    topic, names = Topic(AREA, "Similar images"), list(survey.looks)
    pairs = [
        (names[i], names[j], agreement)
        for i, j, agreement in alike([one.detail for one in survey.looks.values()])
        if survey.looks[names[i]].content_sha256 != survey.looks[names[j]].content_sha256
    ]
    if not pairs:
        return topic.ok("no two tumours look like copies of each other")
    items = [
        Item(
            f"looks like {_with_rows(survey, [other])}, agreement {agreement:.2f}{_across(survey, one, other)}",
            one,
            survey.row(one),
        )
        for one, other, agreement in pairs
    ]
    found = f"{counted(len(pairs), 'pair')} of tumours look like copies, resampled, cropped or drawn anew"
    remedy = "compare the two records; one patient has one row, in one division"
    crossing = any(_across(survey, one, other) for one, other, _ in pairs)
    return (topic.failed if crossing else topic.warning)(found, remedy, items)


def _with_rows(survey: Survey, names: list[str]) -> str:
    return listed([f"{name} (row {survey.row(name)})" for name in names])


def _across(survey: Survey, one: str, other: str) -> str:
    return _apart(survey, [one, other])


def _apart(survey: Survey, names: list[str]) -> str:
    """The divisions of one patient's rows, where there are several."""
    written = dict.fromkeys(survey.cohort.patients["split"][name] for name in names)
    divisions = [str(one) for one in written if one]
    return f", in {listed(divisions)}" if len(divisions) > 1 else ""
