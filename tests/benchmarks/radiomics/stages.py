"""Where our own extraction spends its time, stage by stage, on one core."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import median
from typing import Any, TypeVar

from radiomics import imageoperations

from client.radiomics import extract_features, make_extractor
from client.resampling import resample
from client.volumes import Volume, read_volume
from common.paper_settings import PAPER_RADIOMICS, PAPER_RESAMPLING
from tests.benchmarks.radiomics.cases import Patient
from tests.benchmarks.table import Row, Table

READING, RESAMPLING, LOG, OTHER_FILTERS, VALUES = (
    "reading and checking",
    "resampling",
    "LoG filters",
    "all other filters",
    "shape, first order and texture",
)
Stages = Mapping[str, float]
Made = TypeVar("Made")


def stages_table(patients: Sequence[Patient], turns: int) -> Table:
    """Seconds of each stage for each tumour, and its share of the whole."""
    rows = [row for patient in patients for row in _rows(patient, [_stages(patient) for _ in range(turns)])]
    notes = [
        "Threads of this process alone, CPU seconds. The last stage is the extraction less its filters, which are "
        "called once more by themselves.",
        "Filters, resampling and zones (GLSZM) are ITK's and PyRadiomics' own code, so that the values stay the same.",
    ]
    return Table("Where pdl1es spends its time, one core", "of the whole", rows, notes)


def _rows(patient: Patient, turns: Sequence[Stages]) -> list[Row]:
    whole = [sum(one.values()) for one in turns]
    return [
        Row(
            f"{stage}, {patient.voxels:,} voxels",
            "s",
            [one[stage] for one in turns],
            [median(one[stage] / all_of_it for one, all_of_it in zip(turns, whole, strict=True))],
        )
        for stage in turns[0]
    ]


def _stages(patient: Patient) -> Stages:
    reading, volume = _clocked(lambda: read_volume(patient.image, patient.mask))
    resampling, near = _clocked(lambda: resample(volume, PAPER_RESAMPLING))
    extraction, _ = _clocked(lambda: extract_features(near, PAPER_RADIOMICS))
    filters = {kind: _clocked(partial(_filtered, near, kind))[0] for kind in PAPER_RADIOMICS.image_types}
    log, others = filters.pop("LoG"), sum(filters.values())
    return {
        READING: reading,
        RESAMPLING: resampling,
        LOG: log,
        OTHER_FILTERS: others,
        VALUES: max(0.0, extraction - log - others),
    }


def _filtered(volume: Volume, kind: str) -> list[Any]:
    settings = make_extractor(PAPER_RADIOMICS).settings
    if kind == "LoG":
        settings = settings | {"sigma": list(PAPER_RADIOMICS.log_sigmas_mm)}
    return list(getattr(imageoperations, f"get{kind}Image")(volume.image, volume.mask, **settings))


def _clocked(function: Callable[[], Made]) -> tuple[float, Made]:
    start = time.process_time()
    made = function()
    return time.process_time() - start, made
