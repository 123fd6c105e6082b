"""`pdl1es-site check`: whether a hospital is fit for a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from client.site import load_site
from common import atomic
from common.errors import DataError
from common.parallel import cores
from common.tls_probe import split_address


def check_command(
    folder: Annotated[Path, typer.Argument(help="The site's folder.", metavar="DIR")],
    study: Annotated[
        Path | None,
        typer.Option("--study", help="Study file whose settings and limits count; else the paper's.", metavar="FILE"),
    ] = None,
    server: Annotated[
        str | None, typer.Option(help="Aggregation server to ask, once this site is enrolled.", metavar="HOST:PORT")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(help="Processes at work, each on one core; all cores when left out.", min=1)
    ] = None,
) -> None:
    """Check the table, every image and mask, this machine and the way to the server, and name what is to be mended."""
    site = load_site(folder)
    if server is not None:
        split_address(server)
    # what draws and computes takes seconds to import, and the other commands need little of it
    from client.preflight.montage import pages, tiles
    from client.preflight.preflight import Asked, preflight
    from client.preflight.report import Pictures, write_report
    from client.preflight.results import preflight_results
    from client.preflight.screen import show
    from common.report.words import counted

    asked = Asked(study, server, jobs or cores())
    done = preflight(site, asked)
    target, pictures = site.results / "check", Pictures()
    for old in target.glob("roi-*.png"):
        old.unlink()
    for page in pages(tiles(done.survey), jobs=asked.jobs, cache=site.cache):
        file = f"roi-{page.number}.png"
        atomic.write_bytes(target / file, page.png)
        pictures.add(page, file)
    results = preflight_results(done, [one.file for one in pictures.shown])
    atomic.write_json(target / "results.json", results)
    write_report(results, pictures.shown, target / "report.html")
    show(done)
    for name, file in (("Report", "report.html"), ("Numbers", "results.json")):
        typer.echo(f"{name:<15}{target / file}")
    if failed := results["counts"]["failed"]:
        raise DataError(
            f"{folder}: {counted(failed, 'check')} failed, named above; mend what they name and check again"
        )
    typer.echo(f"Next: pdl1es-site features {folder}")
