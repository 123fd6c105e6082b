"""The patients of a site with their scores, ready to be evaluated: from a sealed signature or a file of scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from client.cohort import Cohort, read_cohort
from client.evaluation.survival_cutoff import Rule
from client.exclusion import apply_exclusions
from client.quarantine import Quarantined
from client.scores_file import read_scores
from client.site import Site
from common.errors import DataError
from common.study import CohortRules, Study

RULES = CohortRules(label_tps=50, excluded_kernels=("30f",), immunotherapy_requires=(), maximum_quarantined=1)
"""The paper's exclusions where no study is given, but for clinical values: only some of the numbers need them."""


@dataclass(frozen=True)
class Judged:
    """Patients with `division`, `label` and scores beside the columns of cohort.csv, and what became of the others."""

    predictions: pd.DataFrame
    read: int
    excluded: Mapping[str, int]
    quarantined: tuple[Quarantined, ...]
    source: Mapping[str, str]
    faults: tuple[str, ...] = ()
    """Sentences for this site's eyes only: they name patients."""
    threshold: float | None = None
    rule: Rule | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def expression(self) -> pd.DataFrame:
        """The scored patients of the expression cohort."""
        return self.predictions[self.predictions["division"] != "immunotherapy"]

    @property
    def immunotherapy(self) -> pd.DataFrame:
        """The scored patients of the immunotherapy cohort."""
        return self.predictions[self.predictions["division"] == "immunotherapy"]

    def cohort(self) -> dict[str, Any]:
        """What results.json says of who took part."""
        counts = {str(name): int(n) for name, n in self.predictions["division"].value_counts().items()}
        reasons = Counter(one.reason.split(";")[0].split(",")[0] for one in self.quarantined)
        return {
            "immunotherapy": 0,
            **counts,
            "read": self.read,
            "excluded": {name: n for name, n in self.excluded.items() if n},
            "quarantined": dict(reasons),
        }


def judged_by_scores(site: Site, file: Path, study: Study | None) -> Judged:
    """Patients with the scores of a file; images are not read and need not exist. DataError when nobody is left."""
    cohort = read_cohort(site, images=False)
    rules = study.cohort if study else RULES
    included = apply_exclusions(cohort.patients, rules)
    scores = read_scores(file, known=set(cohort.patients.index))
    scored = included.patients.index.isin(scores.values.index)
    patients = included.patients[scored].assign(pdl1es_score=scores.values)
    unscored = {"no score": int((~scored).sum())}
    return Judged(
        predictions=with_division(patients, label_tps=rules.label_tps),
        read=rows_read(cohort),
        excluded={**included.excluded, **unscored},
        quarantined=cohort.quarantined,
        source={"kind": "scores", "sha256": scores.sha256},
        faults=scores.faults,
    )


def rows_read(cohort: Cohort) -> int:
    """Rows of the table, those in quarantine too."""
    return len(cohort.patients) + len(cohort.quarantined)


def with_division(patients: pd.DataFrame, *, label_tps: float) -> pd.DataFrame:
    """Add `label` and `division`: the written split, `all` where none is written, or immunotherapy.

    DataError when there is nobody, or when the split is written for some of the patients only.
    """
    if patients.empty:
        raise DataError("no patient is left to evaluate: see the exclusions, or score more patients")
    label = (patients["tps"] >= label_tps).astype(float).where(patients["tps"].notna())
    expression = patients["cohort"] == "expression"
    written = patients["split"] != ""
    if written[expression].any() and not written[expression].all():
        raise DataError(
            f"split is written for {int(written[expression].sum())} of {int(expression.sum())} patients of the "
            "expression cohort; write it for all of them or for none"
        )
    division = patients["split"].where(written, "all").where(expression, "immunotherapy")
    return patients.assign(label=label, division=division)
