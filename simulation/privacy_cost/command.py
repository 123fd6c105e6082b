"""`pdl1es-sim privacy`: accuracy and attack against epsilon."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from client.models import choose_device
from simulation.studies import place_study, study_text

notes = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)
screen = Console(highlight=False, soft_wrap=True, emoji=False)


def privacy_command(
    preset: Annotated[str, typer.Option(help="quick: a part of the cohort; paper: everything.")] = "quick",
    study: Annotated[Path | None, typer.Option("--study", help="A study file of your own instead of a preset.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the run.", show_default="runs/privacy-NAME")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    page: Annotated[Path | None, typer.Option(help="A page whose measured part is written anew.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Finish a run that was stopped.")] = False,
) -> None:
    """Measure what differential privacy costs in AUC, and how far a membership attack gets, in both modes."""
    text = study_text(preset=preset, file=study, seed=None)
    folder = out or Path("runs") / f"privacy-{preset if study is None else study.stem}"
    placed = place_study(text, folder, resume=resume)
    # Opacus takes seconds to import, and the other commands do not need it
    from simulation.privacy_cost.measure import PrivacyRun, measure
    from simulation.privacy_cost.page import put_into_page

    name = preset if study is None else placed.name
    notes.print(f"SYNTHETIC cohort, study {placed.name}, seed {placed.seed}, in {folder}")
    results = measure(PrivacyRun(folder, placed, name, choose_device(device)))
    if page is not None:
        put_into_page(results, page)
    show(results)
    for what, file in (("Report", "report.html"), ("Numbers", "results.json")):
        screen.print(f"{what:<10} {folder / file}")


def show(results: dict[str, Any]) -> None:
    """Print both modes by epsilon."""
    table = Table(title="SYNTHETIC cohort: mean over models", title_justify="left")
    for heading in ("mode", "epsilon", "test AUC", "attack AUC, loss threshold", "attack AUC, likelihood ratio"):
        table.add_column(heading)
    for one in results["settings"]:
        means = [one["test_auc"], *one["attacks"].values()]
        epsilon = "none" if one["epsilon"] is None else f"{one['epsilon']:g}"
        table.add_row(one["mode"], epsilon, *(f"{found['mean']:.3f}" for found in means))
    screen.print(table)
