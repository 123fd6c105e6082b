"""The tables of the radiomics, from figures that were measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median

from tests.benchmarks.radiomics.cases import Patient
from tests.benchmarks.radiomics.competitors import ORIGINAL_ONLY, OURS, POOL, SAME_INTERFACE, STOCK, Competitor
from tests.benchmarks.radiomics.measured import SMALLEST_VALUE, Answers
from tests.benchmarks.table import Row, Table

MEGA = 1e6
MINUTE = 60.0


def tumour_table(patient: Patient, answers: Answers, apart: Mapping[str, tuple[float, int]]) -> Table:
    """All features of one tumour on one core; `apart` holds the largest difference and the values by rounding."""
    rows = [_speed(one, answers) for one in (OURS, STOCK, *SAME_INTERFACE)]
    said = "; ".join(f"{largest:.2g} of {values} ({name})" for name, (largest, values) in apart.items())
    rows[0] = replace(rows[0], remark=said)
    rows[1] = replace(rows[1], remark="0")
    rows[2:] = [replace(row, remark="other values") for row in rows[2:]]
    title = f"One core, a tumour of {patient.voxels:,} voxels of 1 mm ({patient.case.sentence})"
    notes = [*_aim(patient, rows[0]), *_counts(answers)]
    return Table(title, "times PyRadiomics", rows, notes, remark="largest relative difference of a value")


def _speed(one: Competitor, answers: Answers) -> Row:
    if one.sentence not in answers.given:
        return Row(one.sentence, "patients a minute", why=answers.failed.get(one.sentence, "not asked"))
    given, stock = answers.given[one.sentence], answers.given.get(STOCK.sentence, [])
    ratios = [theirs.seconds / answer.seconds for answer, theirs in zip(given, stock, strict=False)]
    return Row(one.sentence, "patients a minute", [MINUTE / answer.seconds for answer in given], ratios)


def _aim(patient: Patient, ours: Row) -> list[str]:
    if patient.case.aim is None or not ours.ratios:
        return []
    reached = median(ours.ratios)
    verdict = "reached" if reached >= patient.case.aim else "missed"
    return [f"Aim {patient.case.aim:g} times PyRadiomics: {verdict}, {reached:.1f} times."]


def _counts(answers: Answers) -> list[str]:
    counted = ", ".join(f"{name} {given[0].values}" for name, given in answers.given.items())
    return [
        f"Values: {counted}.",
        "From compressed NIfTI (int16 HU) to the values. PyRadiomics' own resampling cuts the fraction off, ours "
        "rounds to whole HU. Values are compared twice: with PyRadiomics on the CT that its resampleImage made in "
        "float64 and that was rounded; and, with `rounding = truncate`, with the plain call. Differences are relative "
        f"to the larger of PyRadiomics' value and {SMALLEST_VALUE:g}.",
    ]


def memory_table(patients: Sequence[Patient], answers: Mapping[str, Answers]) -> Table:
    """Peaks of the processes."""
    rows = [
        _memory(one, patient, answers[patient.case.name])
        for patient in patients
        for one in (OURS, STOCK, SAME_INTERFACE[0])
    ]
    notes = ["VmHWM of a process that extracts one patient after the other, its imports in it."]
    return Table("Memory of a worker", "times PyRadiomics", rows, notes)


def _memory(one: Competitor, patient: Patient, answers: Answers) -> Row:
    name = f"{one.sentence}, {patient.voxels:,} voxels"
    if one.sentence not in answers.given:
        return Row(name, "MB", why=answers.failed.get(one.sentence, "not asked"))
    given, stock = answers.given[one.sentence], answers.given.get(STOCK.sentence, [])
    ratios = [answer.peak_bytes / theirs.peak_bytes for answer, theirs in zip(given, stock, strict=False)]
    return Row(name, "MB", [answer.peak_bytes / MEGA for answer in given], ratios)


def unfiltered_table(patients: Sequence[Patient], answers: Mapping[str, Answers]) -> Table:
    """The others on the unfiltered image."""
    rows = [
        _per_value(one, patient, answers[patient.case.name])
        for patient in patients
        for one in (OURS, STOCK, *ORIGINAL_ONLY)
    ]
    notes = [
        "One core, the same part around the tumour on the study's 1 mm grid, no filter, bins of 25 HU where an engine "
        "knows them; seconds from the files for each 1000 values it gives.",
        "Only pdl1es gives PyRadiomics' values. nyxus: all its 3D features, grey levels by number as by default, and "
        "the same without its GLCM, which takes nearly all of its time; "
        "flash-radiomics: PyRadiomics' classes and more of its own; Z-Rad, MIRP, PySERA: IBSI's features, textures by "
        "slice, by volume, and by both; they have other names, bins and aggregation.",
    ]
    return Table("Other engines, unfiltered image", "times PyRadiomics", rows, notes, remark="values")


def _per_value(one: Competitor, patient: Patient, answers: Answers) -> Row:
    name = f"{one.sentence}, {patient.voxels:,} voxels"
    if one.sentence not in answers.given:
        return Row(name, "s", why=answers.failed.get(one.sentence, "not asked"))
    each, stock = (
        [1000 * answer.seconds / answer.values for answer in answers.given.get(side, [])]
        for side in (one.sentence, STOCK.sentence)
    )
    ratios = [theirs / own for own, theirs in zip(each, stock, strict=False)]
    return Row(name, "s", each, ratios, remark=str(answers.given[one.sentence][0].values))


def cohort_table(ours: Sequence[float], theirs: Sequence[float], *, patients: int, jobs: int) -> Table:
    """Many patients on all cores."""
    why = "" if patients else "no patient is at hand"
    rows = [
        Row("pdl1es", "patients a minute", *_a_minute(ours, theirs, patients), why=why),
        Row(POOL.sentence, "patients a minute", *_a_minute(theirs, theirs, patients), why=why),
    ]
    notes = [
        f"{jobs} processes on {jobs} cores, their start counted; the example of PyRadiomics leaves one core free.",
        "pdl1es: looks into the cache, reads, checks, resamples, cuts patches, extracts, writes each patient's record; "
        "PyRadiomics: extractor and extraction for each patient.",
    ]
    return Table(f"{patients} patients on {jobs} cores", "times PyRadiomics", rows, notes)


def _a_minute(seconds: Sequence[float], theirs: Sequence[float], patients: int) -> tuple[list[float], list[float]]:
    ratios = [other / own for own, other in zip(seconds, theirs, strict=True)]
    return [MINUTE * patients / own for own in seconds], ratios


def with_absent(table: Table, absent: Sequence[str]) -> Table:
    """The same with what could not be measured for want of data."""
    return replace(table, notes=[*table.notes, *(f"Left out: {sentence}." for sentence in absent)])
