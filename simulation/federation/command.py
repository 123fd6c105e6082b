"""`pdl1es-sim federate`: many sites on one machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from client.models import choose_device
from common.flower_environment import QUIET
from simulation.studies import federated_text, place_study, study_text

# a site's words are no markup
notes = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)
screen = Console(highlight=False, soft_wrap=True, emoji=False)

Engine = Annotated[
    Literal["inprocess", "ray"], typer.Option(help="One site after another, or Flower's simulation, which needs Ray.")
]
Seed = Annotated[int | None, typer.Option(help="Seed in place of the study's.", min=0, max=2**32 - 1)]


def federate_command(
    sites: Annotated[int, typer.Option(help="Number of sites.", min=1, max=64)] = 4,
    preset: Annotated[str, typer.Option(help="quick: a part of the cohort, minutes; paper: everything.")] = "quick",
    study: Annotated[Path | None, typer.Option("--study", help="A study file of your own instead of a preset.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the run.", show_default="runs/federated-NAME")] = None,
    engine: Engine = "inprocess",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    seed: Seed = None,
    resume: Annotated[bool, typer.Option("--resume", help="Finish a run that was stopped.")] = False,
) -> None:
    """Divide a synthetic cohort over sites that differ, train one signature together, and compare it with pooling."""
    text = federated_text(study_text(preset=preset, file=study, seed=seed), sites=sites)
    folder = out or Path("runs") / f"federated-{preset if study is None else study.stem}"
    placed = place_study(text, folder, resume=resume)
    os.environ.update(QUIET)
    # Flower takes seconds to import, and the other commands do not need it
    from common.signature import signer_of
    from simulation.federation.federate import FederatedRun, federate

    name = preset if study is None else placed.name
    run = FederatedRun(folder, placed, name, choose_device(device), engine, notes.print)
    notes.print(f"SYNTHETIC cohort over {sites} sites, study {placed.name}, seed {placed.seed}, in {folder}")
    results = federate(run)
    show(results)
    for name, file in (("Report", "report.html"), ("Numbers", "results.json"), ("Signature", "server/signature")):
        screen.print(f"{name:<10} {folder / file}")
    if "not_computed" not in results["signature"]:
        screen.print(f"Signed by  {signer_of(folder / 'server' / 'signature')}")


def show(results: dict[str, Any]) -> None:
    """Print the test AUC of every way to train."""
    table = Table(title="SYNTHETIC cohort: PD-L1ES on the test patients of all sites", title_justify="left")
    for heading in ("trained", "test AUC (95% CI)"):
        table.add_column(heading)
    comparison = results["comparison"]
    rows = {f"at {site} alone": one for site, one in comparison["local"].items()}
    rows |= {"federated": comparison["federated"], "pooled in one place": comparison["pooled"]}
    for name, one in rows.items():
        table.add_row(name, "{auc:.3f} ({ci_low:.3f} to {ci_high:.3f})".format(**one["test"]))
    screen.print(table)
    difference = comparison["federated_minus_pooled"]
    screen.print(
        "Federated minus pooled {difference:+.3f} ({ci_low:+.3f} to {ci_high:+.3f}), p = {p:.2g}".format(**difference)
    )
