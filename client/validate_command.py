"""`pdl1es-site validate`: a sealed signature judged on a centre's own patients."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from client.evaluation_commands import Jobs, StudyFile, Trusted, fingerprint
from client.site import load_site
from common.parallel import cores
from common.study import load_study


def validate_command(
    folder: Annotated[Path, typer.Argument(help="The site's folder.", metavar="DIR")],
    signature: Annotated[Path, typer.Option("--signature", help="Folder of the sealed signature.", metavar="SIG")],
    trusted: Trusted = None,
    study: StudyFile = None,
    recalibrate: Annotated[
        bool, typer.Option("--recalibrate", help="Show beside it what a refitted intercept and slope would do.")
    ] = False,
    jobs: Jobs = None,
) -> None:
    """Validate a signature on this centre's patients: both cohorts are scored and judged, nothing is fitted."""
    site, rules, key = load_site(folder), load_study(study) if study else None, fingerprint(trusted)
    # torch takes seconds to import, and the other commands do not need it
    from client.validation.validate import Validation, validate_site

    validate_site(site, Validation(signature, key, rules, study, recalibrate, jobs or cores()))
