"""Checks of the table as a whole: its rows, divisions, labels and gaps."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from client.policy import Policy
from client.preflight.finding import Check, Item, Topic
from client.preflight.survey import Survey
from client.quarantine import Quarantined
from common.report.words import counted, listed
from common.study import Study

LABEL_TPS = 50.0
RARE_LABEL = 0.05
"""A label that fewer than this share of the patients have is hard to learn."""
MANY_MISSING = 0.2
AREA = "Table"

_NEEDED = {
    "expression": ("tps", "age", "sex", "smoking", "family_history"),
    "immunotherapy": ("pfs_days", "progressed", "treatment", "age", "sex", "smoking", "family_history"),
}
_SAME = ("cohort", "image", "mask", "tps", "age", "sex", "smoking", "family_history", "treatment", "pfs_days")


def table_checks(survey: Survey, *, study: Study | None, policy: Policy) -> Iterator[Check]:
    """Rows, repetitions, divisions, labels, missing values and numbers of patients."""
    patients = survey.cohort.patients
    yield _rows(survey)
    yield _repeated(patients)
    yield _divisions(patients)
    yield _labels(patients, label_tps=study.cohort.label_tps if study else LABEL_TPS)
    yield _missing(patients)
    yield _enough(patients, minimum=policy.minimum_count)


def quarantine_items(quarantined: tuple[Quarantined, ...], table: str) -> tuple[Item, ...]:
    """The quarantine as items; the table's own name is not repeated."""
    return tuple(
        Item(one.reason, one.patient_id, one.row, "" if one.file in ("", table) else one.file) for one in quarantined
    )


def _rows(survey: Survey) -> Check:
    topic, wrong = Topic(AREA, "Rows"), survey.cohort.quarantined
    read = f"{counted(survey.rows, 'row')} read"
    if not wrong:
        return topic.ok(f"{read}, every cell is what its column may hold")
    items = quarantine_items(wrong, wrong[0].file)
    return topic.failed(f"{read}, {len(wrong)} of them in quarantine", "correct the cells named below", items)


def _repeated(patients: pd.DataFrame) -> Check:
    topic = Topic(AREA, "Same row twice")
    groups = [rows for _, rows in patients.groupby(list(_SAME), dropna=False) if len(rows) > 1]
    if not groups:
        return topic.ok("no two rows have the same values and images")
    items = [
        Item(f"has the values and images of {listed([str(name) for name in rows.index[1:]])}", str(rows.index[0]), row)
        for rows in groups
        for row in [int(rows["row"].iloc[0])]
    ]
    found = f"{counted(len(groups), 'patient')} under several ids, with the same values and images"
    return topic.failed(found, "keep one row a patient", items)


def _divisions(patients: pd.DataFrame) -> Check:
    topic, expression = Topic(AREA, "Divisions"), patients[patients["cohort"] == "expression"]
    written = expression["split"] != ""
    if expression.empty:
        return topic.skipped("there is no expression cohort to be divided")
    if not written.any():
        return topic.ok("split is written for nobody, the patients are divided at random")
    if not written.all():
        items = [Item("split is empty", str(name), int(row)) for name, row in expression["row"][~written].items()]
        found = f"split is written for {int(written.sum())} of {len(expression)} patients of the expression cohort"
        return topic.failed(found, "write it for all of them, or for none to have them divided at random", items)
    counts = {name: int((expression["split"] == name).sum()) for name in ("training", "validation", "test")}
    found = "split is written for all: " + listed([f"{n} {name}" for name, n in counts.items()])
    if empty := [name for name, n in counts.items() if n == 0]:
        return topic.warning(found, f"a study needs patients in each division, write some for {listed(empty)}")
    return topic.ok(found)


def _labels(patients: pd.DataFrame, *, label_tps: float) -> Check:
    topic = Topic(AREA, "Labels")
    tps = patients["tps"][patients["cohort"] == "expression"].dropna()
    if tps.empty:
        return topic.skipped("no patient of the expression cohort has a TPS")
    positive = int((tps >= label_tps).sum())
    share = positive / len(tps)
    found = f"TPS is {label_tps:g} or more in {positive} of {len(tps)} patients ({share:.0%})"
    if positive in (0, len(tps)):
        return topic.warning(f"{found}: one label only", "look for the unit of tps; both labels are needed to train")
    if min(share, 1 - share) < RARE_LABEL:
        return topic.warning(found, "look for the unit of tps; a label this rare can hardly be learned or judged")
    return topic.ok(found)


def _missing(patients: pd.DataFrame) -> Check:
    topic = Topic(AREA, "Missing values")
    gaps = list(missing_values(patients))
    if not gaps:
        return topic.ok("every patient has the values of its cohort")
    found = listed([f"{column} in {n} of {total} {cohort} patients" for cohort, column, n, total in gaps])
    if max(n / total for _, _, n, total in gaps) > MANY_MISSING:
        return topic.warning(f"missing: {found}", "look these values up; what stays empty is imputed or left out")
    return topic.ok(f"missing: {found}")


def missing_values(patients: pd.DataFrame) -> Iterator[tuple[str, str, int, int]]:
    """Cohort, column, patients without a value and patients, of the columns that a cohort needs, where some lack it."""
    for cohort, columns in _NEEDED.items():
        rows = patients[patients["cohort"] == cohort]
        for column in columns:
            missing = int((rows[column].isna() | (rows[column] == "")).sum())
            if missing:
                yield cohort, column, missing, len(rows)


def _enough(patients: pd.DataFrame, *, minimum: int) -> Check:
    topic = Topic(AREA, "Number of patients")
    groups = {str(name): int(n) for name, n in patients["cohort"].value_counts().items()}
    divisions = patients["split"][(patients["cohort"] == "expression") & (patients["split"] != "")]
    groups |= {str(name): int(n) for name, n in divisions.value_counts().items()}
    found = listed([f"{n} {name}" for name, n in groups.items()])
    if few := [name for name, n in groups.items() if n < minimum]:
        return topic.warning(
            f"{found}; {listed(few)} below {minimum}, under which this site lets no statistic leave",
            "add patients before a federated study, or lower policy.minimum_count in site.toml",
        )
    return topic.ok(f"{found}; the site's policy asks for {minimum}")
