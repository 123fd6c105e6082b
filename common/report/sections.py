"""The sections of a report: each has a title, a template, and a view that takes what it shows from the results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from common.report.checklist import checklist_view
from common.report.parts import Results
from common.report.view_cohort import cohort_view, table1_expression_view, table1_immunotherapy_view
from common.report.view_discrimination import discrimination_view, redivisions_view, subgroups_view
from common.report.view_methods import methods_view
from common.report.view_probability import calibration_view, decision_curves_view, operating_point_view
from common.report.view_provenance import provenance_view, reading_view
from common.report.view_survival import survival_view
from common.report.view_training import features_view, pictures_view, training_view

View = Callable[[Results], Mapping[str, Any] | None]


@dataclass(frozen=True)
class Section:
    """A section; its view is None when the results have nothing of it, and the section is left out."""

    name: str
    title: str
    view: View
    short: str = ""
    """Its name in the table of contents."""

    @property
    def template(self) -> str:
        """The file of its template."""
        return f"{self.name}.html.j2"


SECTIONS: dict[str, Section] = {
    section.name: section
    for section in (
        Section("cohort", "The patients", cohort_view),
        Section("table1_expression", "Table 1: expression cohort", table1_expression_view),
        Section("discrimination", "Telling high from low PD-L1 expression", discrimination_view, "Discrimination"),
        Section("operating_point", "Operating point", operating_point_view),
        Section("calibration", "Calibration", calibration_view),
        Section("decision_curves", "Decision curves", decision_curves_view),
        Section("subgroups", "By scanner and protocol", subgroups_view),
        Section("redivisions", "Validation and test patients divided anew", redivisions_view, "Re-divisions"),
        Section("table1_immunotherapy", "Table 1: immunotherapy cohort", table1_immunotherapy_view),
        Section("survival", "Progression under immunotherapy", survival_view, "Survival"),
        Section("pictures", "Pictures", pictures_view),
        Section("features", "Radiomic features that were chosen", features_view, "Chosen features"),
        Section("training", "How the networks learned", training_view, "Learning curves"),
    )
}
CLOSING = (
    Section("reading", "How to read this page", reading_view),
    Section("methods", "Methods", methods_view),
    Section("provenance", "Settings and provenance", provenance_view),
    Section("checklist", "TRIPOD+AI checklist", checklist_view),
)
"""Sections that end every report."""
