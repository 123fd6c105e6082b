"""`flwr run .` in a checkout: the synthetic federation in Flower's own simulation, or the real study that is named.

A hospital's node carries its site's folder and answers as a hospital does; only a node of a simulation, which has
none, stands for a made-up site.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from flwr.app import Context, Message
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp

from client.app import app as hospital
from client.models import choose_device
from common.errors import UsageError
from common.flower_environment import QUIET
from server.app import app as coordinator
from simulation.federation.federate import FederatedRun, federate
from simulation.federation.ray_engine import SiteApp
from simulation.studies import federated_text, place_study, study_text

CHECKOUT = Path(__file__).resolve().parent.parent

server = ServerApp()


@dataclass(frozen=True)
class Asked:
    """What the run's configuration asks of a simulation."""

    preset: str
    sites: int
    folder: Path
    resume: bool

    @classmethod
    def of(cls, config: Mapping[str, bool | float | int | str]) -> Asked:
        """Read it; runs/federated-PRESET in the checkout when no folder is named."""
        preset, sites = str(config.get("preset", "quick")), config.get("sites", 2)
        if isinstance(sites, bool) or not isinstance(sites, int) or not 1 <= sites <= 64:
            raise UsageError(f"sites = {sites!r}: give a whole number from 1 to 64")
        out = str(config.get("out", ""))
        folder = Path(out).expanduser() if out else CHECKOUT / "runs" / f"federated-{preset}"
        if not folder.is_absolute():
            raise UsageError(f"out = {out!r}: give an absolute path, Flower runs elsewhere")
        return cls(preset, sites, folder, bool(config.get("resume", False)))


@server.main()
def main(grid: Grid, context: Context) -> None:
    """Coordinate the study that the configuration names, or make up hospitals and a study."""
    if context.run_config.get("study"):
        coordinator(grid, context)
        return
    os.environ.update(QUIET)
    logging.getLogger("flwr").setLevel(logging.WARNING)
    asked = Asked.of(context.run_config)
    text = federated_text(study_text(preset=asked.preset, file=None, seed=None), sites=asked.sites)
    placed = place_study(text, asked.folder, resume=asked.resume)
    run = FederatedRun(asked.folder, placed, asked.preset, choose_device("auto"), "ray", print)
    print(f"SYNTHETIC cohort over {asked.sites} sites, study {placed.name}, seed {placed.seed}, in {asked.folder}")
    federate(run, grid=grid)
    print(f"Report     {asked.folder / 'report.html'}")


class SiteOrHospital(ClientApp):
    """A hospital where the node has a site's folder, else a made-up site of the simulation."""

    def __call__(self, message: Message, context: Context) -> Message:
        """Answer as the one or the other."""
        if "site-folder" in context.node_config:
            return hospital(message, context)
        asked = Asked.of(context.run_config)
        folders = {path.name: path for path in (asked.folder / "sites").iterdir() if path.is_dir()}
        return SiteApp(folders)(message, context)


client = SiteOrHospital()
