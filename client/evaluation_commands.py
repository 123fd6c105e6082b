"""`pdl1es-site evaluate` and `pdl1es-site survival`: a site's cohort judged by a signature or by given scores."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from client.site import load_site
from common.errors import UsageError
from common.parallel import cores
from common.signing_key import trusted_fingerprint
from common.study import load_study

Folder = Annotated[Path, typer.Argument(help="The site's folder.", metavar="DIR")]
SignatureFolder = Annotated[
    Path | None, typer.Option("--signature", help="Folder of a sealed signature.", metavar="SIG")
]
ScoresFile = Annotated[
    Path | None, typer.Option("--scores", help="CSV with patient_id and score; no images are read.", metavar="FILE")
]
StudyFile = Annotated[
    Path | None, typer.Option("--study", help="Study file whose rules count; else the paper's.", metavar="FILE")
]
Trusted = Annotated[
    str | None,
    typer.Option("--trusted", help="The key that must have signed: a signing.pub or its fingerprint.", metavar="KEY"),
]
Jobs = Annotated[int | None, typer.Option(help="Processes at work, each on one core; all cores when left out.", min=1)]
Cutoff = Annotated[
    str | None,
    typer.Option(help="xtile, median or a number; else the signature's own, else the study's.", metavar="RULE"),
]


def evaluate_command(
    folder: Folder,
    signature: SignatureFolder = None,
    scores: ScoresFile = None,
    trusted: Trusted = None,
    study: StudyFile = None,
    jobs: Jobs = None,
) -> None:
    """How well a score tells high PD-L1 expression from low, on the patients that have TPS."""
    _one_of(signature, scores)
    site, rules = load_site(folder), load_study(study) if study else None
    # torch takes seconds to import, and the other commands do not need it
    from client.site_evaluation import Asked, evaluate_site

    evaluate_site(site, Asked(signature, scores, rules, study, jobs or cores(), fingerprint(trusted)))


def survival_command(
    folder: Folder,
    signature: SignatureFolder = None,
    scores: ScoresFile = None,
    trusted: Trusted = None,
    cutoff: Cutoff = None,
    study: StudyFile = None,
    jobs: Jobs = None,
) -> None:
    """Whether a score divides patients under immunotherapy by their progression-free survival."""
    _one_of(signature, scores)
    value = _cutoff(cutoff)
    site, rules = load_site(folder), load_study(study) if study else None
    # torch takes seconds to import, and the other commands do not need it
    from client.site_evaluation import Asked, survival_of_site

    asked = Asked(signature, scores, rules, study, jobs or cores(), fingerprint(trusted))
    survival_of_site(site, asked, cutoff=value)


def fingerprint(trusted: str | None) -> str | None:
    """The fingerprint that --trusted means."""
    return None if trusted is None else trusted_fingerprint(trusted)


def _one_of(signature: Path | None, scores: Path | None) -> None:
    if (signature is None) == (scores is None):
        raise UsageError("give either --signature SIG or --scores FILE, and not both")


def _cutoff(text: str | None) -> str | float | None:
    if text in (None, "xtile", "median"):
        return text
    try:
        return float(text or "")
    except ValueError as error:
        raise UsageError(f"--cutoff {text}: is no rule; give xtile, median or a number") from error
