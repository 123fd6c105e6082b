"""What the paper reports, number by number, each with its place in the paper and where a run's results hold the same.

Tian, He, Mu et al., Theranostics 2021; 11(5): 2098-2107, doi:10.7150/thno.48027 (CC BY).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CITATION = "Tian, He, Mu et al., Theranostics 2021; 11(5): 2098-2107"
DOI = "10.7150/thno.48027"
SURVIVAL = "survival.pdl1es.all"
EFFICACY = "Results, efficacy of immunotherapy"


@dataclass(frozen=True)
class Published:
    """A number of the paper; `paths` are the dotted keys of results.json whose sum is the same quantity."""

    quantity: str
    kind: Literal["count", "estimate", "p", "days"]
    paths: tuple[str, ...]
    value: float
    where: str
    interval: str = ""
    """Dotted key of the measured interval without its `_low` and `_high`."""
    ci_low: float | None = None
    """None when the paper gives no interval."""
    ci_high: float | None = None
    """None beside a lower end: the paper leaves the interval open."""
    note: str = ""
    """Why the two numbers may not be the same quantity."""


def _auc(division: str, value: float, ci_low: float, ci_high: float, note: str = "") -> Published:
    part = f"discrimination.pdl1es.{division}"
    where = "Results, predicting PD-L1 expression; Figure 2A-C"
    return Published(
        f"AUC of PD-L1ES, {division}", "estimate", (f"{part}.auc",), value, where, f"{part}.ci", ci_low, ci_high, note
    )


def _patients(division: str, value: int) -> Published:
    return Published(f"Patients, {division}", "count", (f"cohort.{division}",), value, "Table 1")


def _positives(division: str, value: int) -> Published:
    path = f"discrimination.pdl1es.{division}.n_positive"
    return Published(f"TPS of 50% or more, {division}", "count", (path,), value, "Table 1")


PUBLISHED = (
    _auc(
        "training",
        0.78,
        0.75,
        0.80,
        "By patient here; the paper's interval is as narrow as its slices, three a patient, would give.",
    ),
    _auc("validation", 0.71, 0.59, 0.81),
    _auc("test", 0.76, 0.66, 0.85),
    Published(
        "Hazard ratio, high to low PD-L1ES",
        "estimate",
        (f"{SURVIVAL}.hazard_ratio",),
        2.57,
        EFFICACY,
        f"{SURVIVAL}.ci",
        1.22,
        5.44,
        "Divided at X-tile's cut-off in the paper's text, at the median in the legend of Figure 3; here at the median.",
    ),
    Published(
        "P value, high against low PD-L1ES",
        "p",
        (f"{SURVIVAL}.logrank_p",),
        0.010,
        f"{EFFICACY}; Figure 3A",
        note="The paper's text gives it with the Cox model, Figure 3A with the curves; here the log-rank test.",
    ),
    Published(
        "C-index of the two groups",
        "estimate",
        (f"{SURVIVAL}.c_index_groups",),
        0.66,
        EFFICACY,
        f"{SURVIVAL}.c_index_groups_ci",
        0.48,
        0.83,
        "Of PD-L1ES divided into two groups, as in the paper.",
    ),
    Published(
        "Median PFS in days, high PD-L1ES",
        "days",
        (f"{SURVIVAL}.median_high",),
        183,
        EFFICACY,
        f"{SURVIVAL}.median_high_ci",
        122,
        257,
    ),
    Published(
        "Median PFS in days, low PD-L1ES",
        "days",
        (f"{SURVIVAL}.median_low",),
        363,
        EFFICACY,
        f"{SURVIVAL}.median_low_ci",
        363,
        note="The paper leaves the upper end of this interval open.",
    ),
    Published(
        "Cut-off of PD-L1ES",
        "estimate",
        (f"{SURVIVAL}.cutoff",),
        0.66,
        EFFICACY,
        note="By X-tile in the paper's text, while the legend of Figure 3 says the median; here the median.",
    ),
    _patients("training", 750),
    _patients("validation", 93),
    _patients("test", 96),
    Published(
        "Patients, expression cohort",
        "count",
        ("cohort.training", "cohort.validation", "cohort.test"),
        939,
        "Abstract; Table 1",
    ),
    _positives("training", 261),
    _positives("validation", 33),
    _positives("test", 34),
    Published(
        "TPS of 50% or more, expression cohort",
        "count",
        tuple(f"discrimination.pdl1es.{division}.n_positive" for division in ("training", "validation", "test")),
        328,
        "Results, Clinical characteristics; Table 1",
        note="The text of the Results says greater than 50%, Table 1 at least 50%.",
    ),
    Published(
        "Patients, immunotherapy cohort", "count", ("cohort.immunotherapy",), 94, "Methods, Immunotherapy dataset"
    ),
)
