"""The exclusion rules of a study, counted, and the quarantine against the study's limit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from client.exclusion import Inclusion, apply_exclusions
from client.preflight.finding import Check, Topic
from client.preflight.survey import Survey
from common.paper_settings import PAPER_COHORT
from common.report.words import counted, listed
from common.study import CohortRules, Study

AREA = "Table"


def included(survey: Survey, study: Study | None) -> Inclusion:
    """Who of those that can be computed takes part, by the study's rules or the paper's."""
    patients = survey.cohort.patients
    return apply_exclusions(patients[patients.index.isin(list(survey.looks))], _rules(study))


def flow_checks(survey: Survey, study: Study | None) -> Iterator[Check]:
    """How many take part, and whether the study goes on with that many in quarantine."""
    inclusion = included(survey, study)
    topic, whose = Topic(AREA, "Exclusion rules"), "the study's rules" if study else "the paper's rules"
    reasons = listed([f"{n} by {reason}" for reason, n in inclusion.excluded.items()])
    out = f"; excluded {reasons}" if inclusion.excluded else ", none is excluded"
    took = counted(len(inclusion.patients), "patient")
    take = "takes" if len(inclusion.patients) == 1 else "take"
    found = f"by {whose} {took} of {counted(survey.rows, 'row')} {take} part{out}"
    if not study and any(reason.startswith("immunotherapy without") for reason in inclusion.excluded):
        found += "; validate, survival and evaluate keep those without a clinical value"
    if len(inclusion.patients):
        yield topic.ok(found)
    else:
        yield topic.failed(found, "nobody is left to take part; look at what the rules ask for")
    yield _limit(survey, study)


def _limit(survey: Survey, study: Study | None) -> Check:
    topic, wrong, limit = Topic(AREA, "Quarantine"), len(survey.quarantined), _rules(study).maximum_quarantined
    found = f"{wrong} of {counted(survey.rows, 'row')} in quarantine, up to {limit:.0%} is allowed"
    if wrong > limit * survey.rows:
        return topic.failed(found, "a study stops with this many: mend the rows and files that are named")
    return topic.ok(found)


def flow_counts(survey: Survey, study: Study | None) -> dict[str, Any]:
    """Rows read, left out by reason, and patients of each cohort that take part."""
    inclusion = included(survey, study)
    of_table = len(survey.cohort.quarantined)
    left_out = {"row of the table": of_table, "CT or mask": len(survey.quarantined) - of_table}
    cohorts = inclusion.patients["cohort"]
    return {
        "read": survey.rows,
        "excluded": dict(inclusion.excluded),
        "quarantined": {reason: n for reason, n in left_out.items() if n},
        **{name: int((cohorts == name).sum()) for name in ("expression", "immunotherapy")},
    }


def _rules(study: Study | None) -> CohortRules:
    return study.cohort if study else PAPER_COHORT
