"""`pdl1es-sim`: the researcher's command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import tomlkit
import typer
from rich.console import Console
from rich.table import Table

from client.models import choose_device
from common.parallel import cores
from common.signature import signer_of
from simulation.cohort import make_site, make_sites
from simulation.comparison import comparison_rows
from simulation.estimate import estimate, in_words
from simulation.federation.command import federate_command
from simulation.privacy_cost.command import privacy_command
from simulation.reproduce import Run, reproduce
from simulation.studies import federated_text, place_study, preset_text, resized_text, study_text, synthetic_study

app = typer.Typer(
    name="pdl1es-sim",
    help="The paper on one machine, with a synthetic cohort.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
SHOWN_GROUPS = ("Discrimination", "PD-L1ES under immunotherapy")
TREATMENTS = ("monotherapy", "combination")
notes = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
screen = Console(highlight=False, soft_wrap=True, emoji=False)

Preset = Annotated[str, typer.Option(help="quick: a part of the cohort, minutes; paper: everything.")]
StudyFile = Annotated[Path | None, typer.Option("--study", help="A study file of your own instead of a preset.")]
Seed = Annotated[int | None, typer.Option(help="Seed in place of the study's.", min=0, max=2**32 - 1)]


@app.command("reproduce")
def reproduce_command(
    preset: Preset = "quick",
    study: StudyFile = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the run.", show_default="runs/NAME of the study")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    seed: Seed = None,
    resume: Annotated[bool, typer.Option("--resume", help="Finish a run that was stopped.")] = False,
) -> None:
    """Make a synthetic cohort, train the signature on it and set the paper's numbers beside the measured ones."""
    text = study_text(preset=preset, file=study, seed=seed)
    folder = out or _default_folder(text)
    placed = place_study(text, folder, resume=resume)
    run = Run(folder, placed, preset if study is None else study.name, choose_device(device))
    notes.print(f"SYNTHETIC cohort, study {run.study.name}, seed {run.study.seed}, {run.sha256[:12]}, in {folder}")
    if run.study.synthetic is not None and not resume:
        notes.print(f"This will take {in_words(estimate(run.study, run.study.synthetic, run.device))} on this machine.")
    results = reproduce(run)
    show(results)
    for name, file in (("Report", "report.html"), ("Numbers", "results.json"), ("Signature", "signature")):
        screen.print(f"{name:<10} {folder / file}")
    screen.print(f"Signed by  {signer_of(folder / 'signature')}")


@app.command("cohort")
def cohort_command(
    out: Annotated[Path, typer.Option(help="The site folder to make.")],
    patients: Annotated[int | None, typer.Option(help="Patients in all, divided as in the study.", min=4)] = None,
    preset: Preset = "paper",
    study: StudyFile = None,
    seed: Seed = None,
    sites: Annotated[
        int | None, typer.Option(help="Divide it over so many sites and write their study.", min=1, max=64)
    ] = None,
) -> None:
    """Make only the synthetic cohort: a site folder as a hospital has it, or several with the study they share."""
    text = study_text(preset=preset, file=study, seed=seed)
    if patients is not None:
        text = resized_text(text, patients=patients)
    if sites is not None:
        chosen = place_study(federated_text(text, sites=sites), out, resume=False)
        made = make_sites(chosen, out / "sites", jobs=cores())
        screen.print("\n".join(f"SYNTHETIC site folder  {folder}" for folder in made.values()))
        screen.print(
            f"Their study            {out / 'study.toml'}\nNext: pdl1es-server provision {out / 'study.toml'} --out kit"
        )
        return
    make_site(synthetic_study(text), out, jobs=cores())
    screen.print(f"SYNTHETIC site folder  {out}\nNext: pdl1es-site check {out}")


app.command("federate")(federate_command)
app.command("privacy")(privacy_command)


@app.command("study")
def study_command(preset: Preset = "quick") -> None:
    """Print a preset's study file, to be changed and given back with --study."""
    typer.echo(preset_text(preset), nl=False)


def show(results: dict[str, Any]) -> None:
    """Print the main numbers beside the paper's; the report has them all."""
    table = Table(title="SYNTHETIC cohort: the paper beside what was measured", title_justify="left")
    for heading in ("", "paper", "measured", "in words"):
        table.add_column(heading)
    rows = comparison_rows(results)
    shown = [row for row in rows if row.group in SHOWN_GROUPS and not row.quantity.endswith(TREATMENTS)]
    for row in shown:
        table.add_row(row.quantity, row.paper_text, row.measured_text, row.verdict)
    screen.print(table)
    screen.print(f"{len(rows) - len(shown)} more numbers of the paper stand beside the measured ones in the report.")


def _default_folder(text: str) -> Path:
    return Path("runs") / str(tomlkit.parse(text)["name"])
