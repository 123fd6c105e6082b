"""`pdl1es-site audit`: what left this hospital, and whether its record is whole."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from client.cohort_table import read_rows
from client.site import Site, load_site
from client.synthetic import is_synthetic
from common import atomic
from common.errors import DataError, TrailError

if TYPE_CHECKING:
    from client.audit.chain import Chain

Folder = Annotated[Path, typer.Argument(help="The site's folder.", metavar="DIR")]


def audit_command(
    folder: Folder,
    verify: Annotated[bool, typer.Option("--verify", help="Only check the trail; write nothing.")] = False,
    since: Annotated[
        datetime.datetime | None, typer.Option(help="Only what is on or after this day, UTC.", formats=["%Y-%m-%d"])
    ] = None,
) -> None:
    """Show what came and left, check that no line was altered, moved or removed, and write the report."""
    site = load_site(folder)
    # the trail's records take seconds to import, and the other commands do not need them
    from client.audit.trail import Trail

    chain = Trail(site.folder).read()
    if not verify:
        _show(site, chain, since.date() if since else None)
    for fault in chain.faults:
        typer.echo(f"{folder / 'audit.jsonl'}: {fault}", err=True)
    if chain.faults:
        raise TrailError(
            f"{folder / 'audit.jsonl'}: is not what was written, {len(chain.faults)} fault(s) named above; this site "
            "answers nothing until the file is put back from a backup"
        )
    last = chain.last
    typer.echo(f"Lines          {len(chain.entries)}, unbroken{', hash of the last ' + last.hash if last else ''}")
    if chain.unfinished:
        typer.echo("The last line was never finished, so its message did not leave; the next message takes it off.")


def _show(site: Site, chain: Chain, since: datetime.date | None) -> None:
    from client.audit.page import write_audit_page
    from client.audit.summary import audit_results, since_day, table_lines

    for line in table_lines(since_day(chain.entries, since)):
        typer.echo(line)
    results = audit_results(chain, site=site.name, synthetic=_made_up(site), since=since)
    target = site.results / "audit"
    atomic.write_json(target / "results.json", results)
    write_audit_page(results, target / "report.html")
    typer.echo(f"Report         {target / 'report.html'}")
    typer.echo(f"Numbers        {target / 'results.json'}")


def _made_up(site: Site) -> bool:
    """Whether a patient of the table is made up; a table that cannot be read does not keep the report back."""
    try:
        return any(is_synthetic(site.folder / row["image"]) for _, row in read_rows(site.cohort_file))
    except DataError:
        return False
