"""`pdl1es-site explain`: what a signature finds in one patient."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from client.evaluation_commands import Trusted, fingerprint
from client.site import load_site


def explain_command(
    folder: Annotated[Path, typer.Argument(help="The site's folder.", metavar="DIR")],
    signature: Annotated[Path, typer.Option("--signature", help="Folder of the sealed signature.", metavar="SIG")],
    patient: Annotated[str, typer.Option("--patient", help="patient_id as in cohort.csv.", metavar="ID")],
    trusted: Trusted = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda; else what site.toml says.")] = None,
) -> None:
    """Show what a signature finds in one patient; the page names the patient and stays in the hospital."""
    site, key = load_site(folder), fingerprint(trusted)
    # torch and captum take seconds to import, and the other commands need neither
    from client.explanation_files import write_explanation

    written = write_explanation(site, signature, patient, device=device or site.device, trusted=key)
    typer.echo(f"Patient        {patient}: {written.sentence}")
    for sentence in written.warnings:
        typer.echo(f"warning: {sentence}", err=True)
    for name, file in (("Report", "report.html"), ("Picture", "explanation.png"), ("Numbers", "results.json")):
        typer.echo(f"{name:<15}{written.folder / file}")
    typer.echo("The report names a patient and stays in the hospital.")
