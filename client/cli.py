"""`pdl1es-site`: the hospital's command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from client.approve_command import approve_command
from client.audit_command import audit_command
from client.check_command import check_command
from client.evaluation_commands import evaluate_command, survival_command
from client.explain_command import explain_command
from client.features import SiteFeatures, features_file, features_results, site_features
from client.federation_commands import enroll_command, join_command
from client.intake_command import import_command, pseudonym_command
from client.ledger_command import ledger_command
from client.quarantine import Quarantined, check_limit
from client.site import Site, init_site, load_site
from client.validate_command import validate_command
from common import atomic
from common.errors import DataError, UsageError
from common.parallel import cores
from common.study import Study, load_study

app = typer.Typer(
    name="pdl1es-site",
    help="One hospital: its folder, its patients, its part in a study. Nothing about a patient leaves the folder.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Folder = Annotated[Path, typer.Argument(help="The site's folder.", metavar="DIR")]
StudyFile = Annotated[
    Path | None,
    typer.Option("--study", help="Study file whose settings and limits count; else the paper's.", metavar="FILE"),
]
ClusterAddress = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        help="Ray cluster to compute on, this machine being one of its nodes; the site's folder lies on a file system "
        "that all nodes see under the same path.",
        metavar="HOST:PORT",
    ),
]
Jobs = Annotated[int | None, typer.Option(help="Processes at work, each on one core; all cores when left out.", min=1)]


@app.command("init")
def init_command(folder: Folder, name: Annotated[str, typer.Option(help="Name of the hospital.")]) -> None:
    """Make a site folder: site.toml, an empty cohort.csv, images/."""
    site = init_site(folder, name=name)
    typer.echo(f"Site folder    {site.folder}")
    typer.echo(f"Next: pdl1es-site import {folder} --dicom TREE --clinical TABLE")
    typer.echo(f"or put NIfTI or NRRD into {site.folder / 'images'} and fill in {site.cohort_file};")
    typer.echo(f"then: pdl1es-site check {folder}")


@app.command("features")
def features_command(
    folder: Folder, jobs: Jobs = None, study: StudyFile = None, cluster: ClusterAddress = None
) -> None:
    """Compute the radiomic features of every patient; what was computed before is used again."""
    if jobs and cluster:
        raise UsageError("--jobs counts processes on this machine, --cluster computes on others; give one of them")
    rules = load_study(study) if study else None
    site = load_site(folder)
    done = site_features(site, rules, jobs=jobs or cores(), cluster=cluster)
    target = site.results / "features" / "results.json"
    atomic.write_json(target, features_results(site, done))
    _show_quarantined(site, done.quarantined)
    if not len(done.extraction.features):
        raise DataError(f"{site.cohort_file}: no patient could be computed, see above; mend them and run again")
    _show_features(site, done, target)
    _check_limit(done.quarantined, done.patients, rules)
    if done.quarantined:
        typer.echo("Next: mend the patients named above and run this again; only they are computed")
    else:
        typer.echo(f'Next: pandas.read_parquet("{features_file(site)}")')


app.command("check")(check_command)
app.command("import")(import_command)
app.command("pseudonym")(pseudonym_command)
app.command("evaluate")(evaluate_command)
app.command("survival")(survival_command)
app.command("explain")(explain_command)
app.command("validate")(validate_command)
app.command("enroll")(enroll_command)
app.command("approve")(approve_command)
app.command("join")(join_command)
app.command("audit")(audit_command)
app.command("ledger")(ledger_command)


def _show_quarantined(site: Site, quarantined: tuple[Quarantined, ...]) -> None:
    for one in quarantined:
        file = "" if one.file in ("", site.cohort_file.name) else f"{one.file}: "
        typer.echo(f"{site.cohort_file} row {one.row}: patient {one.patient_id}: {file}{one.reason}", err=True)


def _show_features(site: Site, done: SiteFeatures, target: Path) -> None:
    extraction = done.extraction
    rows, columns = extraction.features.shape
    typer.echo(f"Patients       {done.patients}: {rows} with features, {done.patients - rows} in quarantine")
    typer.echo(f"Features       {columns} a patient, {len(extraction.not_computed)} values not finite")
    typer.echo(f"Work           {extraction.computed} computed, {extraction.reused} reused, {done.seconds:.1f} s")
    typer.echo(f"Settings       {extraction.recipe.sha256[:12]}")
    typer.echo(f"Table          {features_file(site)}\nNumbers        {target}")


def _check_limit(quarantined: tuple[Quarantined, ...], patients: int, rules: Study | None) -> None:
    if rules is not None:
        check_limit(quarantined, total=patients, maximum_fraction=rules.cohort.maximum_quarantined)
