"""Whether clinical values are plausible in the unit that the table wants."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from client.preflight.finding import Check, Item, Topic
from client.preflight.finding_words import span
from client.preflight.survey import Survey
from common.report.words import counted

AREA = "Clinical values"
AGES = (18, 100)
LONGEST_IN_MONTHS = 60
"""No follow-up in days is this short in every patient; in months most are."""
AMPERE_BELOW, MILLIAMPERE_TO = 5, 1500
"""Tube currents of CT lie between tens and some hundreds of mA."""
THICKNESS_MM = 0.2
"""Slices may overlap or leave gaps; by more than this the header and the voxels disagree."""
LEAST_FOR_UNITS = 5
"""Fewer values say nothing of a unit."""


def clinical_checks(survey: Survey) -> Iterator[Check]:
    """Age, TPS, progression-free survival, progression, tube current and slice thickness."""
    patients = survey.cohort.patients
    yield _age(patients)
    yield _tps(patients)
    yield _follow_up(patients)
    yield _progressed(patients)
    yield _tube_current(patients)
    yield _thickness(survey)


def _items(column: pd.Series, rows: pd.Series) -> tuple[Item, ...]:
    return tuple(Item(f"{column.name} {value:g}", str(name), int(rows[str(name)])) for name, value in column.items())


def _age(patients: pd.DataFrame) -> Check:
    topic, ages = Topic(AREA, "Age"), patients["age"].dropna()
    if ages.empty:
        return topic.skipped("no age is written")
    odd = ages[(ages < AGES[0]) | (ages > AGES[1])]
    found = f"{span(ages)} years"
    if odd.empty:
        return topic.ok(found)
    return topic.warning(
        f"{found}; {counted(len(odd), 'patient')} outside {AGES[0]} to {AGES[1]}",
        "compare the ages with the record; a year of birth is no age",
        _items(odd, patients["row"]),
    )


def _tps(patients: pd.DataFrame) -> Check:
    topic, tps = Topic(AREA, "TPS"), patients["tps"].dropna()
    if tps.empty:
        return topic.skipped("no TPS is written")
    found, fractions = f"{span(tps)} percent", tps[(tps > 0) & (tps < 1)]
    if tps.max() > 1 and len(fractions):
        return topic.warning(
            f"{found}; {counted(len(fractions), 'value')} between 0 and 1 beside values above 1, perhaps fractions",
            "write tps in percent, 0 to 100, in every row",
            _items(fractions, patients["row"]),
        )
    if tps.max() > 1 or len(tps) < LEAST_FOR_UNITS or tps.max() == 0:
        return topic.ok(found)
    kind = "classes, 0 and 1" if set(tps) <= {0.0, 1.0} else "fractions, not percent"
    return topic.failed(f"no TPS is above 1: these look like {kind}", "write tps in percent, 0 to 100")


def _follow_up(patients: pd.DataFrame) -> Check:
    topic, days = Topic(AREA, "Progression-free survival"), patients["pfs_days"].dropna()
    if days.empty:
        return topic.skipped("no pfs_days is written")
    found = f"{span(days)} days, median {days.median():g}"
    remedy, months = "write pfs_days in days; a month has 30.44", _perhaps_months(days)
    if days.max() > LONGEST_IN_MONTHS and len(months):
        return topic.warning(
            f"{found}; {counted(len(months), 'value')} not whole and below {LONGEST_IN_MONTHS}, perhaps months",
            remedy,
            _items(months, patients["row"]),
        )
    if days.max() > LONGEST_IN_MONTHS or len(days) < LEAST_FOR_UNITS:
        return topic.ok(found)
    if (days % 1 != 0).any():
        return topic.failed(f"{found}: not whole, and none above {LONGEST_IN_MONTHS}, these are months", remedy)
    return topic.warning(f"{found}: none above {LONGEST_IN_MONTHS}, they look like months", remedy)


def _perhaps_months(days: pd.Series) -> pd.Series:
    """Short values that are not whole, in a column of which at least half is."""
    whole = days % 1 == 0
    return days[~whole & (days < LONGEST_IN_MONTHS)] if whole.mean() >= 0.5 else days[:0]


def _progressed(patients: pd.DataFrame) -> Check:
    topic, progressed = Topic(AREA, "Progression"), patients["progressed"].dropna()
    if progressed.empty:
        return topic.skipped("no progressed is written")
    events = int(progressed.sum())
    found = f"{events} of {len(progressed)} patients progressed"
    if events in (0, len(progressed)) and len(progressed) > 1:
        return topic.warning(
            f"{found}: one outcome only",
            "progressed is 1 after a progression or death and 0 where follow-up ended before; look it up",
        )
    return topic.ok(found)


def _tube_current(patients: pd.DataFrame) -> Check:
    topic, current = Topic(AREA, "Tube current"), patients["tube_current_ma"].dropna()
    if current.empty:
        return topic.skipped("no tube_current_ma is written; there are no subgroups by it")
    found = f"{span(current)} mA"
    odd = current[(current < AMPERE_BELOW) | (current > MILLIAMPERE_TO)]
    if odd.empty:
        return topic.ok(found)
    kind = "ampere" if odd.max() < AMPERE_BELOW else "microampere, or the product with the exposure time"
    return topic.warning(
        f"{found}; {counted(len(odd), 'value')} outside {AMPERE_BELOW} to {MILLIAMPERE_TO}, perhaps {kind}",
        "write tube_current_ma in mA, as X-Ray Tube Current (0018,1151) has it",
        _items(odd, patients["row"]),
    )


def _thickness(survey: Survey) -> Check:
    topic, thickness = Topic(AREA, "Slice thickness"), survey.cohort.patients["slice_thickness_mm"].dropna()
    steps = pd.Series({name: seen.spacing_mm[2] for name, seen in survey.looks.items()}, dtype=float)
    both = [name for name in thickness.index if name in steps.index]
    if not both:
        return topic.skipped("no slice_thickness_mm is written of a patient whose CT can be read")
    items = [
        Item(
            f"slice_thickness_mm is {thickness[name]:g}, slices lie {steps[name]:.4g} mm apart", name, survey.row(name)
        )
        for name in both
        if abs(thickness[name] - steps[name]) > THICKNESS_MM
    ]
    found = f"{span(thickness)} mm"
    if not items:
        return topic.ok(f"{found}, as far apart as the slices")
    return topic.warning(
        f"{found}; {counted(len(items), 'patient')} with slices further apart or closer",
        "compare with the DICOM header: slices that overlap are fine, an image resampled for export is not",
        items,
    )
