"""What a federated model does at this site, for this site's eyes: the whole evaluation, never sent."""

from __future__ import annotations

import numpy as np
import pandas as pd

from client.evaluation.discrimination import evaluate_expression
from client.evaluation.parts import or_reason
from client.evaluation.survival import evaluate_survival, follow_up_warnings
from client.evaluation.survival_cutoff import Rule
from client.evaluation.table_one import expression_table, immunotherapy_table
from client.federation.dataset import Dataset
from client.prediction import patient_logits, patient_scores
from client.site import Site
from client.synthetic import is_synthetic
from common import atomic
from common.provenance import versions
from common.report import write_page
from common.study import Study

SECTIONS = (
    "cohort",
    "table1_expression",
    "discrimination",
    "operating_point",
    "calibration",
    "decision_curves",
    "subgroups",
    "table1_immunotherapy",
    "survival",
)
TITLE = "The federated signature on this hospital's own patients"


def write_local_report(
    site: Site,
    dataset: Dataset,
    study: Study,
    slice_logits: dict[str, np.ndarray],
    *,
    study_sha256: str,
    cutoff: float,
    device: str,
) -> None:
    """Write results/federation/{results.json,report.html} from the log-odds (patients, slices) of each division."""
    scored = {name: _scored(dataset, name, logits) for name, logits in slice_logits.items()}
    judged, treated = pd.concat([scored["validation"], scored["test"]]), scored["immunotherapy"]
    results = {
        "synthetic": any(is_synthetic(site.folder / image) for image in dataset.cohort.patients["image"]),
        "site": site.name,
        "study_sha256": study_sha256,
        "source": {"kind": "federation", "sha256": study_sha256},
        "versions": versions(),
        "device": device,
        "seconds": {},
        "cohort": _counts(dataset),
        "warnings": follow_up_warnings(treated),
        "table1": {
            "expression": or_reason(expression_table, judged, label_tps=study.cohort.label_tps),
            "immunotherapy": or_reason(immunotherapy_table, treated),
        },
        **evaluate_expression(judged, study.evaluation),
        **evaluate_survival(treated, study.survival, seed=study.seed, rule=Rule("given", cutoff)),
    }
    folder = site.results / "federation"
    atomic.write_json(folder / "results.json", results)
    write_page(results, folder / "report.html", title=TITLE, sections=SECTIONS)


def _scored(dataset: Dataset, division: str, logits: np.ndarray) -> pd.DataFrame:
    slices = {f"pdl1es_slice{place}_logit": logits[:, place] for place in range(logits.shape[1])}
    patients = dataset.patients(division)
    return patients.assign(pdl1es_logit=patient_logits(logits), pdl1es_score=patient_scores(logits), **slices)


def _counts(dataset: Dataset) -> dict[str, object]:
    counts = {str(name): int(n) for name, n in dataset.cohort.patients["division"].value_counts().items()}
    read = sum(counts.values()) + dataset.excluded + dataset.quarantined
    return {
        **counts,
        "read": read,
        "excluded": {"by rule": dataset.excluded},
        "quarantined": {"any": dataset.quarantined},
    }
