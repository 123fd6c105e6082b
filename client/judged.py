"""The patients of a site with their scores, ready to be evaluated: from a sealed signature or a file of scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from client.cohort import Cohort, read_cohort
from client.evaluation.survival_cutoff import Rule
from client.exclusion import Inclusion, apply_exclusions
from client.models import choose_device
from client.quarantine import Quarantined, counted_reasons
from client.scores_file import read_scores
from client.scoring import score_patients
from client.signer import who_signed
from client.site import Site
from client.synthetic import is_synthetic
from common.device import device_name
from common.errors import DataError, SignatureError
from common.paper_settings import PAPER_COHORT
from common.signature import Description
from common.study import CohortRules, Study

CohortName = Literal["expression", "immunotherapy"]
RULES = PAPER_COHORT.model_copy(update={"immunotherapy_requires": (), "maximum_quarantined": 1.0})
"""The paper's exclusions where no study is given, but for clinical values: only some of the numbers need them."""
NEEDED = {"expression": "TPS", "immunotherapy": "pfs_days and progressed"}


@dataclass(frozen=True)
class Judged:
    """Patients of one cohort with `division`, `label` and scores beside cohort.csv's columns, and who was left out."""

    predictions: pd.DataFrame
    label_tps: float
    read: int
    excluded: Mapping[str, int]
    quarantined: tuple[Quarantined, ...]
    source: Mapping[str, str]
    device: str
    faults: tuple[str, ...] = ()
    """Sentences for this site's eyes only: they name patients."""
    threshold: float | None = None
    rule: Rule | None = None
    synthetic: bool = False
    signed: str = ""
    """Who signed the signature; empty without one."""

    def cohort(self) -> dict[str, Any]:
        """What results.json says of who took part."""
        counts = {str(name): int(n) for name, n in self.predictions["division"].value_counts().items()}
        excluded = {name: n for name, n in self.excluded.items() if n}
        return {**counts, "read": self.read, "excluded": excluded, "quarantined": counted_reasons(self.quarantined)}


def judged_by_scores(site: Site, file: Path, study: Study | None, *, cohort: CohortName) -> Judged:
    """Patients with the scores of a file; images are not read and need not exist. DataError when nobody is left."""
    table, rules = read_cohort(site, images=False), study.cohort if study else RULES
    included = _included(table, rules, cohort)
    scores = read_scores(file, known=set(table.patients.index))
    scored = included.patients.index.isin(scores.values.index)
    patients = included.patients[scored]
    patients = patients.assign(pdl1es_score=scores.values.reindex(patients.index))
    _someone(site, patients, table, cohort)
    return Judged(
        predictions=_with_division(site, patients, label_tps=rules.label_tps, cohort=cohort),
        label_tps=rules.label_tps,
        read=_rows_read(table),
        excluded={**included.excluded, "no score": int((~scored).sum())},
        quarantined=table.quarantined,
        source={"kind": "scores", "sha256": scores.sha256},
        device="none, the scores were given",
        faults=scores.faults,
    )


def judged_by_signature(
    site: Site, folder: Path, study: Study | None, *, cohort: CohortName, jobs: int, trusted: str | None = None
) -> Judged:
    """Patients scored with a sealed signature, whose operating point and cut-off come along; nothing is fitted here.

    `trusted` is the fingerprint of the key that must have signed it.
    SignatureError when it cannot be used or was trained for another label than the study's, DataError when nobody is
    left.
    """
    table, rules = read_cohort(site), study.cohort if study else RULES
    included = _included(table, rules, cohort)
    _someone(site, included.patients, table, cohort)
    device = choose_device(site.device)
    names = list(included.patients.index)
    scored = score_patients(site, folder, patients=names, jobs=jobs, device=device, trusted=trusted)
    sealed = scored.signature.description
    check_label(folder, sealed, study)
    return Judged(
        predictions=_with_division(site, scored.table(), label_tps=sealed.label_tps, cohort=cohort),
        label_tps=sealed.label_tps,
        read=_rows_read(table),
        excluded=included.excluded,
        quarantined=(*table.quarantined, *scored.quarantined),
        source={"kind": "signature", "sha256": scored.signature.sha256},
        device=device_name(device),
        threshold=sealed.operating_point,
        rule=None if sealed.cutoff is None else Rule("sealed", sealed.cutoff),
        signed=who_signed(site, scored.signature),
        synthetic=sealed.synthetic or _any_synthetic(site, scored.patients["image"]),
    )


def check_label(folder: Path, sealed: Description, study: Study | None) -> None:
    """SignatureError when a signature was trained for another label than the study's."""
    if study and study.cohort.label_tps != sealed.label_tps:
        raise SignatureError(
            f"{folder}: was trained for TPS of {sealed.label_tps:g} or more, the study says "
            f"{study.cohort.label_tps:g}; give the study it was trained by, or none"
        )


def _included(table: Cohort, rules: CohortRules, cohort: CohortName) -> Inclusion:
    chosen = table.patients["cohort"] == cohort
    included = apply_exclusions(table.patients[chosen], rules)
    return Inclusion(included.patients, {f"not of the {cohort} cohort": int((~chosen).sum())} | included.excluded)


def _any_synthetic(site: Site, images: pd.Series) -> bool:
    return any(is_synthetic(site.folder / image) for image in images)


def _rows_read(table: Cohort) -> int:
    return len(table.patients) + len(table.quarantined)


def _someone(site: Site, patients: pd.DataFrame, table: Cohort, cohort: CohortName) -> None:
    if patients.empty:
        aside = (
            f" ({len(table.quarantined)} in quarantine, {table.quarantined[0].sentence()})" if table.quarantined else ""
        )
        raise DataError(
            f"{site.cohort_file}: no patient of the {cohort} cohort has {NEEDED[cohort]}, a score and an allowed "
            f"kernel; fill in what is known{aside}"
        )


def _with_division(site: Site, patients: pd.DataFrame, *, label_tps: float, cohort: CohortName) -> pd.DataFrame:
    """Add `label` and `division`: the written split, `all` where none is written, or immunotherapy."""
    label = (patients["tps"] >= label_tps).astype(float).where(patients["tps"].notna())
    if cohort == "immunotherapy":
        return patients.assign(label=label, division=cohort)
    written = patients["split"] != ""
    if written.any() and not written.all():
        raise DataError(
            f"{site.cohort_file}: split is written for {int(written.sum())} of {len(patients)} patients of the "
            "expression cohort; write it for all of them or for none"
        )
    return patients.assign(label=label, division=patients["split"].where(written, "all"))
