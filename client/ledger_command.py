"""`pdl1es-site ledger`: what each study has spent of this site's privacy budget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from client.site import load_site

if TYPE_CHECKING:
    from client.privacy.ledger import Release

Folder = Annotated[Path, typer.Argument(help="The site's folder.", metavar="DIR")]


def ledger_command(folder: Folder) -> None:
    """Show every noised release of each study, and whether the ledger is the one that the audit trail knows."""
    site = load_site(folder)
    # Opacus takes seconds to import, and the other commands do not need it
    from client.privacy.ledger import Ledger

    releases = Ledger(site.folder).releases()
    for line in _lines(releases):
        typer.echo(line)
    typer.echo(f"Releases       {len(releases)}, the same in ledger and audit trail")


def _lines(releases: Sequence[Release]) -> Iterator[str]:
    for study in dict.fromkeys(one.study_sha256 for one in releases):
        own = [one for one in releases if one.study_sha256 == study]
        yield f"Study          {study[:12]}: epsilon {own[-1].epsilon:.3f} at delta {own[-1].delta:g}"
        yield f"  {'release':28} {'noise':>8} {'share':>7} {'steps':>6} {'epsilon so far':>15}"
        for one in own:
            yield (
                f"  {one.what:28} {one.noise_multiplier:8.3f} {one.sample_rate:7.3f} {one.steps:6d} {one.epsilon:15.3f}"
            )
