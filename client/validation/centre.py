"""The patients of a centre, each scored once by the sealed signature, and who was left out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from client.cohort import read_cohort
from client.exclusion import apply_exclusions
from client.judged import NEEDED, RULES, check_label
from client.models import choose_device
from client.quarantine import Quarantined, counted_reasons
from client.scoring import Scored, score_patients
from client.site import Site
from client.synthetic import is_synthetic
from common.errors import DataError
from common.signature import Description
from common.study import Study


@dataclass(frozen=True)
class Centre:
    """Both cohorts in one table with `label`, `division`, score and log-odds beside cohort.csv's columns."""

    scored: Scored
    predictions: pd.DataFrame
    read: int
    excluded: dict[str, int]
    quarantined: tuple[Quarantined, ...]
    synthetic: bool

    @property
    def sealed(self) -> Description:
        """What the signature says."""
        return self.scored.signature.description

    def cohort(self, name: str) -> pd.DataFrame:
        """The patients of one cohort; DataError when there is none."""
        rows = self.predictions[self.predictions["cohort"] == name]
        if rows.empty:
            raise DataError(
                f"no patient of the {name} cohort was scored; it needs rows with cohort {name}, {NEEDED[name]}, image "
                "and mask"
            )
        return rows

    def flow(self) -> dict[str, Any]:
        """What results.json says of who took part."""
        divisions = self.predictions["division"].value_counts()
        counts = {name: int(divisions[name]) for name in ("all", "immunotherapy") if name in divisions}
        return {
            **counts,
            "read": self.read,
            "excluded": self.excluded,
            "quarantined": counted_reasons(self.quarantined),
        }


def score_centre(site: Site, signature: Path, study: Study | None, *, jobs: int, trusted: str | None) -> Centre:
    """Score every patient that the rules let take part; whatever split is written, all are judged.

    SignatureError when the signature cannot be used or was trained for another label than the study's, DataError when
    nobody could be scored.
    """
    table, rules = read_cohort(site), study.cohort if study else RULES
    included = apply_exclusions(table.patients, rules)
    names = list(map(str, included.patients.index))
    scored = score_patients(
        site, signature, patients=names, jobs=jobs, device=choose_device(site.device), trusted=trusted
    )
    sealed = scored.signature.description
    check_label(signature, sealed, study)
    return Centre(
        scored=scored,
        predictions=_labelled(scored.table(), label_tps=sealed.label_tps),
        read=len(table.patients) + len(table.quarantined),
        excluded=included.excluded,
        quarantined=(*table.quarantined, *scored.quarantined),
        synthetic=sealed.synthetic or any(is_synthetic(site.folder / image) for image in scored.patients["image"]),
    )


def _labelled(patients: pd.DataFrame, *, label_tps: float) -> pd.DataFrame:
    label = (patients["tps"] >= label_tps).astype(float).where(patients["tps"].notna())
    division = pd.Series("all", index=patients.index).where(patients["cohort"] == "expression", "immunotherapy")
    return patients.assign(label=label, division=division)
