"""`pdl1es-site evaluate` and `pdl1es-site survival`: a site's cohort judged by a signature or by given scores."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from common.report import write_page

from client.evaluation.discrimination import evaluate_expression
from client.evaluation.parts import or_reason
from client.evaluation.survival import evaluate_survival, follow_up_warnings
from client.evaluation.survival_cutoff import Rule
from client.evaluation.table_one import expression_table, immunotherapy_table
from client.evaluation_screen import show_evaluation, show_survival
from client.judged import CohortName, Judged, judged_by_scores, judged_by_signature
from client.site import Site, load_site
from common import atomic
from common.errors import UsageError
from common.paper_settings import PAPER_EVALUATION, PAPER_SURVIVAL
from common.parallel import cores
from common.provenance import versions
from common.study import Study, load_study, study_sha256

Folder = Annotated[Path, typer.Argument(help="The site's folder.", metavar="DIR")]
SignatureFolder = Annotated[
    Path | None, typer.Option("--signature", help="Folder of a sealed signature.", metavar="FOLDER")
]
ScoresFile = Annotated[
    Path | None, typer.Option("--scores", help="CSV with patient_id and score; no images are read.", metavar="FILE")
]
StudyFile = Annotated[
    Path | None, typer.Option("--study", help="Study file whose rules count; else the paper's.", metavar="FILE")
]
Jobs = Annotated[int | None, typer.Option(help="Processes at work, each on one core; all cores when left out.", min=1)]
Cutoff = Annotated[
    str | None,
    typer.Option(help="xtile, median or a number; else the signature's own, else the study's.", metavar="RULE"),
]
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


def evaluate_command(
    folder: Folder,
    signature: SignatureFolder = None,
    scores: ScoresFile = None,
    study: StudyFile = None,
    jobs: Jobs = None,
) -> None:
    """How well the score tells high PD-L1 expression from low, on the patients with TPS."""
    started, rules, site = time.perf_counter(), load_study(study) if study else None, load_site(folder)
    judged = _judged(site, signature, scores, rules, cohort="expression", jobs=jobs)
    patients = judged.predictions
    settings = rules.evaluation if rules else PAPER_EVALUATION
    results = {
        "table1": {"expression": or_reason(expression_table, patients, label_tps=judged.label_tps)},
        **evaluate_expression(patients, settings, threshold=judged.threshold),
    }
    results = _common(site, judged, study, started=started) | results
    show_evaluation(results)
    _write(site, "evaluate", "PD-L1ES against PD-L1 expression", results, EVALUATION_SECTIONS)


def survival_command(
    folder: Folder,
    signature: SignatureFolder = None,
    scores: ScoresFile = None,
    cutoff: Cutoff = None,
    study: StudyFile = None,
    jobs: Jobs = None,
) -> None:
    """Whether the score divides patients under immunotherapy by progression-free survival."""
    rule = _rule(cutoff)
    started, rules, site = time.perf_counter(), load_study(study) if study else None, load_site(folder)
    judged = _judged(site, signature, scores, rules, cohort="immunotherapy", jobs=jobs)
    patients = judged.predictions
    settings, seed = (rules.survival, rules.seed) if rules else (PAPER_SURVIVAL, 0)
    results = {
        "table1": {"immunotherapy": or_reason(immunotherapy_table, patients)},
        **evaluate_survival(patients, settings, seed=seed, rule=rule or judged.rule),
    }
    results = _common(site, judged, study, started=started) | results
    results["warnings"] = follow_up_warnings(patients)
    show_survival(results)
    _write(site, "survival", "PD-L1ES and progression under immunotherapy", results, SURVIVAL_SECTIONS)


def _rule(text: str | None) -> Rule | None:
    if text is None or text in ("xtile", "median"):
        return None if text is None else Rule(text)
    try:
        return Rule("given", float(text))
    except ValueError as error:
        raise UsageError(f"--cutoff {text}: is no rule; give xtile, median or a number") from error


def _judged(
    site: Site,
    signature: Path | None,
    scores: Path | None,
    study: Study | None,
    *,
    cohort: CohortName,
    jobs: int | None,
) -> Judged:
    if (signature is None) == (scores is None):
        raise UsageError("give either --signature FOLDER or --scores FILE, and not both")
    if signature is not None:
        judged = judged_by_signature(site, signature, study, cohort=cohort, jobs=jobs or cores())
    elif scores is not None:
        judged = judged_by_scores(site, scores, study, cohort=cohort)
    for sentence in (*(one.sentence() for one in judged.quarantined), *judged.faults):
        typer.echo(sentence, err=True)
    return judged


def _common(site: Site, judged: Judged, study: Path | None, *, started: float) -> dict[str, Any]:
    return {
        "synthetic": judged.synthetic,
        "site": site.name,
        "study_sha256": study_sha256(study) if study else None,
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
