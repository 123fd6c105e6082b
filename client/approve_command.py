"""`pdl1es-site approve`: a person reads what a study will do here, and says yes or no."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from client.federation_folder import FederationFolder
from client.site import Site, load_site
from common.errors import ApprovalError, DataError, UsageError
from common.site_kit import KIT_FILE, STUDY_FILE, read_site_kit

Folder = Annotated[Path, typer.Argument(help="The site's folder.", metavar="DIR")]


def approve_command(
    folder: Folder,
    study: Annotated[
        Path | None, typer.Option(help="The study to approve  [default: the one of the kit]", metavar="FILE")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Approve without asking, in a script.")] = False,
) -> None:
    """Show what a study computes at this site and what each phase sends, and approve it."""
    site = load_site(folder)
    # the trail's records take seconds to import, and the other commands do not need them
    from client.approval import approve_study, changes, read_approval
    from client.approval_study import read_for_site
    from client.approval_text import approval_text, change_lines

    file = study or FederationFolder(site.folder).folder / STUDY_FILE
    read = read_for_site(site, file)
    _check_enrolled(site, file, sha256=read.sha256)
    before = read_approval(site.folder)
    for line in approval_text(read.study, read.federation, site.policy, sha256=read.sha256):
        typer.echo(line)
    typer.echo("")
    for line in change_lines(None if before is None else changes(before.study, read.study)):
        typer.echo(line)
    if not yes:
        _ask()
    approval = approve_study(site, read)
    typer.echo(f"\nApproved       {approval.study_sha256}, by {approval.user}, {approval.time}")
    typer.echo(f"Next: pdl1es-site join {folder}")


def _check_enrolled(site: Site, file: Path, *, sha256: str) -> None:
    """DataError for another study than the one that an enrolled site has its kit for."""
    place = FederationFolder(site.folder).folder
    if (place / KIT_FILE).exists() and (kit := read_site_kit(place)).study_sha256 != sha256:
        raise DataError(
            f"{file}: has SHA-256 {sha256[:12]}, the kit is for {kit.study_sha256[:12]}; a study is never edited, "
            "ask the coordinator for the kit again"
        )


def _ask() -> None:
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to answer on; read the lines above and give --yes, or use a terminal")
    if not typer.confirm("\nApprove this study for this hospital?", default=False):
        raise ApprovalError("not approved, so nothing of this study runs here; ask the coordinator about what you miss")
