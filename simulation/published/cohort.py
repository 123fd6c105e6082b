"""The paper's counts of patients: Table 1 and Methods."""

from __future__ import annotations

from simulation.published.record import Published

PATIENTS = {"training": 750, "validation": 93, "test": 96}
POSITIVES = {"training": 261, "validation": 33, "test": 34}


def _positive(division: str) -> str:
    return f"discrimination.pdl1es.{division}.n_positive"


COHORT = (
    *(
        Published(f"Patients, {name}", "count", (f"cohort.{name}",), value, "Table 1")
        for name, value in PATIENTS.items()
    ),
    Published(
        "Patients, expression cohort", "count", tuple(f"cohort.{name}" for name in PATIENTS), 939, "Abstract; Table 1"
    ),
    *(
        Published(f"TPS of 50% or more, {name}", "count", (_positive(name),), value, "Table 1")
        for name, value in POSITIVES.items()
    ),
    Published(
        "TPS of 50% or more, expression cohort",
        "count",
        tuple(map(_positive, POSITIVES)),
        328,
        "Results, Clinical characteristics; Table 1",
        note="The text of the Results says greater than 50%, Table 1 at least 50%.",
    ),
    Published(
        "Patients, immunotherapy cohort", "count", ("cohort.immunotherapy",), 94, "Methods, Immunotherapy dataset"
    ),
)
