"""What stands behind `pdl1es-site validate`: one scoring of everybody, every judgement, and the files it leaves."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import typer

from client.evaluation_screen import show_areas, show_groups, show_patients
from client.signer import is_trusted, who_signed
from client.site import Site
from client.validation.centre import Centre, score_centre
from client.validation.expression import validate_expression
from client.validation.inputs import validate_inputs
from client.validation.page import recalibration_sentence, verdict_sentence, write_validation
from client.validation.survival import validate_survival
from client.validation.verdict import holds_sentence
from common import atomic
from common.device import device_name
from common.errors import DataError
from common.paper_settings import PAPER_EVALUATION, PAPER_SURVIVAL
from common.provenance import versions
from common.report.parts import look_up, reason
from common.study import Study, study_sha256

FOLDER = "validate"


@dataclass(frozen=True)
class Validation:
    """What is validated and by which rules: a study's or the paper's."""

    signature: Path
    trusted: str | None
    """Fingerprint of the key that must have signed."""
    study: Study | None
    study_file: Path | None
    recalibrate: bool
    jobs: int


def validate_site(site: Site, asked: Validation) -> dict[str, Any]:
    """Judge a sealed signature on a site's patients; writes results/validate/ and returns its results.json.

    Nothing is fitted. SignatureError when the signature cannot be used; DataError when nobody could be scored, or,
    after what can be computed is written, when neither cohort says anything.
    """
    started = time.perf_counter()
    centre = score_centre(site, asked.signature, asked.study, jobs=asked.jobs, trusted=asked.trusted)
    for one in centre.quarantined:
        typer.echo(one.sentence(), err=True)
    results = _results(site, centre, asked)
    results["seconds"] = {"all": round(time.perf_counter() - started, 1)}
    _write(site, centre, results)
    _show(results)
    _refuse_nothing(results)
    return results


def _results(site: Site, centre: Centre, asked: Validation) -> dict[str, Any]:
    study = asked.study
    seed = study.seed if study else 0
    expression = validate_expression(
        centre, study.evaluation if study else PAPER_EVALUATION, recalibration=asked.recalibrate, seed=seed
    )
    survival = validate_survival(centre, study.survival if study else PAPER_SURVIVAL, seed=seed)
    return {
        "synthetic": centre.synthetic,
        "site": site.name,
        "study_sha256": study_sha256(asked.study_file) if asked.study_file else None,
        "source": {"kind": "signature", "sha256": centre.scored.signature.sha256},
        "versions": versions(),
        "device": device_name(centre.scored.signature.device),
        "cohort": centre.flow(),
        **expression,
        **survival,
        "table1": expression["table1"] | survival["table1"],
        "signature": _signature(site, centre),
        "shift": validate_inputs(centre),
        "warnings": [*survival["warnings"], *_warnings(site, centre)],
    }


def _signature(site: Site, centre: Centre) -> dict[str, Any]:
    signature, card = centre.scored.signature, centre.sealed.card
    private = card.differential_privacy
    return {
        "sha256": signature.sha256,
        "study": card.study,
        "study_sha256": centre.sealed.study_sha256,
        "sealed_on": card.sealed_on,
        "signer": signature.signer,
        "trusted": is_trusted(site, signature),
        "signed": who_signed(site, signature),
        "synthetic": centre.sealed.synthetic,
        "training_patients": card.count("training"),
        "sites": len(card.sites),
        "privacy": "no differential privacy"
        if private == "none"
        else f"differential privacy, epsilon {private.epsilon:g}, delta {private.delta:g}",
        "operating_point_chosen": card.operating_point,
        "cutoff_chosen": card.cutoff,
        "limits": list(card.limits),
    }


def _warnings(site: Site, centre: Centre) -> list[str]:
    found = []
    if not is_trusted(site, centre.scored.signature):
        found.append(f"The signature is {who_signed(site, centre.scored.signature)}.")
    if site.name in centre.sealed.card.sites:
        found.append(
            f"A site named {site.name} took part in the training; if it is this one, its patients were learned from "
            "and this is no external validation."
        )
    return found


def scores_table(centre: Centre) -> pd.DataFrame:
    """By patient_id: `cohort`, `score`, `called` at the operating point, `group` at the cut-off; empty without one."""
    rows, sealed = centre.predictions, centre.sealed
    score = rows["pdl1es_score"]
    point, cutoff = sealed.operating_point, sealed.cutoff
    return pd.DataFrame(
        {
            "cohort": rows["cohort"],
            "score": score,
            "called": "" if point is None else np.where(score >= point, "positive", "negative"),
            "group": "" if cutoff is None else np.where(score > cutoff, "high", "low"),
        },
        index=rows.index.rename("patient_id"),
    )


def _write(site: Site, centre: Centre, results: dict[str, Any]) -> None:
    folder = site.results / FOLDER
    atomic.write_text(folder / "scores.csv", scores_table(centre).to_csv())
    atomic.write_json(folder / "results.json", results)
    write_validation(results, folder / "report.html")
    for name, file in (("Report", "report.html"), ("Numbers", "results.json"), ("Scores", "scores.csv")):
        typer.echo(f"{name:<14} {folder / file}")
    typer.echo("The scores name patients and stay in the hospital.")


def _show(results: dict[str, Any]) -> None:
    typer.echo(f"Signature      {results['signature']['signed']}")
    show_patients(results)
    if not reason(results["discrimination"]):
        show_areas(results)
    if not reason(results["survival"]):
        show_groups(results)
    typer.echo(f"Shift          {verdict_sentence(results['shift'])}")
    if "recalibration" in results:
        typer.echo(f"Recalibrated   {recalibration_sentence(results['recalibration'])}")
    typer.echo(f"Verdict        {holds_sentence(results)}")


def _refuse_nothing(results: dict[str, Any]) -> None:
    told = [look_up(results, path) for path in ("discrimination.pdl1es.all", "survival.pdl1es.all")]
    if all(reason(part) for part in told):
        raise DataError("; ".join(dict.fromkeys(map(reason, told))))
