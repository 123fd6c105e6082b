"""What stands behind `pdl1es-site evaluate` and `pdl1es-site survival`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from client.evaluation.discrimination import evaluate_expression
from client.evaluation.parts import or_reason
from client.evaluation.survival import evaluate_survival, follow_up_warnings
from client.evaluation.survival_cutoff import Rule
from client.evaluation.table_one import expression_table, immunotherapy_table
from client.evaluation_screen import show_evaluation, show_survival
from client.judged import CohortName, Judged, judged_by_scores, judged_by_signature
from client.site import Site
from common import atomic
from common.errors import DataError, UsageError
from common.paper_settings import PAPER_EVALUATION, PAPER_SURVIVAL
from common.provenance import versions
from common.report import write_page
from common.study import Study, study_sha256

EVALUATION_SECTIONS = (
    "cohort",
    "table1_expression",
    "discrimination",
    "operating_point",
    "calibration",
    "decision_curves",
    "subgroups",
)
SURVIVAL_SECTIONS = ("cohort", "table1_immunotherapy", "survival")


@dataclass(frozen=True)
class Asked:
    """Where the scores come from, one of the two, and the rules: a study or the paper's."""

    signature: Path | None
    scores: Path | None
    study: Study | None
    study_file: Path | None
    jobs: int
    trusted: str | None = None
    """Fingerprint of the key that must have signed the signature."""


def evaluate_site(site: Site, asked: Asked) -> None:
    """Judge the expression cohort; DataError, after what can be computed is written, when no AUC can be."""
    started, judged = time.perf_counter(), _judged(site, asked, "expression")
    settings = asked.study.evaluation if asked.study else PAPER_EVALUATION
    measured = {
        "table1": {"expression": or_reason(expression_table, judged.predictions, label_tps=judged.label_tps)},
        **evaluate_expression(judged.predictions, settings, threshold=judged.threshold),
    }
    results = _common(site, judged, asked, started=started) | measured
    show_evaluation(results)
    _write(site, "evaluate", "PD-L1ES against PD-L1 expression", results, EVALUATION_SECTIONS)
    _refuse_nothing(results["discrimination"]["pdl1es"])


def survival_of_site(site: Site, asked: Asked, *, cutoff: str | float | None) -> None:
    """Judge the immunotherapy cohort; DataError, after what can be computed is written, when nothing compares."""
    started, judged = time.perf_counter(), _judged(site, asked, "immunotherapy")
    settings, seed = (asked.study.survival, asked.study.seed) if asked.study else (PAPER_SURVIVAL, 0)
    given = None if cutoff is None else Rule(cutoff) if isinstance(cutoff, str) else Rule("given", cutoff)
    measured = {
        "table1": {"immunotherapy": or_reason(immunotherapy_table, judged.predictions)},
        **evaluate_survival(judged.predictions, settings, seed=seed, rule=given or judged.rule),
        "warnings": follow_up_warnings(judged.predictions),
    }
    results = _common(site, judged, asked, started=started) | measured
    show_survival(results)
    _write(site, "survival", "PD-L1ES and progression under immunotherapy", results, SURVIVAL_SECTIONS)
    _refuse_nothing({"all": results["survival"]["pdl1es"]["all"]})


def _judged(site: Site, asked: Asked, cohort: CohortName) -> Judged:
    if asked.signature is not None:
        judged = judged_by_signature(
            site, asked.signature, asked.study, cohort=cohort, jobs=asked.jobs, trusted=asked.trusted
        )
        typer.echo(f"Signature      {judged.signed}")
    elif asked.scores is not None:
        judged = judged_by_scores(site, asked.scores, asked.study, cohort=cohort)
    else:
        raise UsageError("give either --signature SIG or --scores FILE")
    for sentence in (*(one.sentence() for one in judged.quarantined), *judged.faults):
        typer.echo(sentence, err=True)
    return judged


def _common(site: Site, judged: Judged, asked: Asked, *, started: float) -> dict[str, Any]:
    return {
        "synthetic": judged.synthetic,
        "site": site.name,
        "study_sha256": study_sha256(asked.study_file) if asked.study_file else None,
        "source": dict(judged.source),
        "versions": versions(),
        "device": judged.device,
        "seconds": {"all": round(time.perf_counter() - started, 1)},
        "cohort": judged.cohort(),
        "warnings": [],
    }


def _write(site: Site, command: str, title: str, results: Mapping[str, Any], sections: tuple[str, ...]) -> None:
    folder = site.results / command
    atomic.write_json(folder / "results.json", results)
    write_page(results, folder / "report.html", title=title, sections=sections)
    typer.echo(f"Report         {folder / 'report.html'}\nNumbers        {folder / 'results.json'}")


def _refuse_nothing(parts: Mapping[str, Mapping[str, Any]]) -> None:
    reasons = [part["not_computed"] for part in parts.values() if "not_computed" in part]
    if len(reasons) == len(parts):
        raise DataError(reasons[0])
