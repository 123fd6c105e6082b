"""The TRIPOD+AI checklist: what each item asks, where the page has it, and what its author must add.

Collins et al., BMJ 2024; 385: e078378, doi:10.1136/bmj-2023-078378; the items in short words of our own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.report.parts import Results


@dataclass(frozen=True)
class Item:
    """An item; `sections` of the page speak of it, `author` is what no page can know."""

    number: int
    part: str
    asks: str
    sections: tuple[str, ...] = ()
    author: str = ""


CHECKLIST = (
    Item(
        1,
        "Title",
        "Says that a prediction model is developed or evaluated, for whom and for which outcome",
        (),
        "a title",
    ),
    Item(2, "Abstract", "Follows TRIPOD+AI for abstracts", (), "an abstract"),
    Item(3, "Introduction", "Context, rationale, intended users, known inequalities", (), "all of it"),
    Item(4, "Introduction", "Objectives: development, evaluation or both", ("summary",), "the objectives of the work"),
    Item(
        5,
        "Methods",
        "Sources and dates of the data",
        ("cohort", "provenance"),
        "sources, and dates of accrual and follow-up",
    ),
    Item(
        6,
        "Methods",
        "Setting, eligibility, treatments",
        ("cohort", "methods", "table1_immunotherapy"),
        "centres and eligibility",
    ),
    Item(
        7,
        "Methods",
        "Preparation of the data and checks of their quality",
        ("methods", "cohort"),
        "preparation before this software",
    ),
    Item(
        8,
        "Methods",
        "Outcome, when and by whom assessed, blinding",
        ("methods",),
        "assay, readers, response criteria and blinding",
    ),
    Item(
        9,
        "Methods",
        "Predictors, how chosen and measured",
        ("methods", "features"),
        "how clinical values and masks were obtained",
    ),
    Item(10, "Methods", "How the sample size was arrived at", (), "the reasons for the sample size"),
    Item(
        11,
        "Methods",
        "Missing data",
        ("methods", "table1_expression", "table1_immunotherapy"),
        "why values are missing",
    ),
    Item(
        12,
        "Methods",
        "Analysis: partition, predictors, model, heterogeneity, measures, updating, how predictions came about",
        ("methods", "training", "redivisions", "provenance"),
    ),
    Item(
        13,
        "Methods",
        "Class imbalance",
        ("table1_expression", "operating_point"),
        "whether classes were rebalanced elsewhere",
    ),
    Item(14, "Methods", "Fairness", ("subgroups",), "groups of people beside scanners, such as sex and age"),
    Item(15, "Methods", "Output of the model, and thresholds", ("operating_point", "survival", "methods")),
    Item(
        16,
        "Methods",
        "Differences between the data of development and evaluation",
        ("table1_expression",),
        "differences of setting",
    ),
    Item(17, "Methods", "Ethical approval and consent", (), "approval and consent"),
    Item(
        18,
        "Open science",
        "Funding, conflicts, protocol, registration, sharing of data and code",
        ("provenance",),
        "all but the versions of the code",
    ),
    Item(
        19, "Patients and public", "Involvement of patients and the public", (), "involvement, or that there was none"
    ),
    Item(
        20,
        "Results",
        "Flow of participants, their characteristics, development against evaluation",
        ("cohort", "table1_expression", "table1_immunotherapy"),
    ),
    Item(21, "Results", "Participants and events of each analysis", ("cohort", "discrimination", "survival")),
    Item(
        22,
        "Results",
        "The full model, so that it can be used by others",
        ("features", "provenance"),
        "where the sealed signature is kept",
    ),
    Item(
        23,
        "Results",
        "Performance with intervals, in subgroups and clusters",
        ("discrimination", "operating_point", "calibration", "decision_curves", "subgroups", "survival"),
    ),
    Item(24, "Results", "Updating of the model", ("redivisions",), "results of updating, or that there was none"),
    Item(
        25,
        "Discussion",
        "Interpretation, with objectives and earlier studies",
        ("summary", "beside"),
        "the interpretation",
    ),
    Item(26, "Discussion", "Limitations", ("reading",), "limitations of the data and the work"),
    Item(
        27,
        "Discussion",
        "Use: poor or missing input, expertise needed, next steps",
        ("cohort",),
        "use in care and next steps",
    ),
)


def checklist_view(results: Results) -> Mapping[str, Any] | None:
    """The items of the checklist; the template links those sections that the page shows."""
    return {"items": CHECKLIST}
