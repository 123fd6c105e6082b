"""A federation on one machine: synthetic sites, the code of server and hospitals, and what federation costs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from flwr.serverapp import Grid

from client.approval import approve
from client.federation.answer import STUDY_FILE
from client.site import load_site
from common import atomic
from common.device import device_name
from common.parallel import cores, process_pool
from common.study import Study
from server.coordinate import coordinate
from server.exchange import Exchange
from server.live import Live
from server.study_run import federation_of, open_run
from simulation.cohort.sites import make_sites
from simulation.federation.comparison import compare
from simulation.federation.grid import ParallelGrid
from simulation.federation.pooled import train_pooled
from simulation.federation.report import write_federation_report
from simulation.reproduce import Clock

Engine = Literal["inprocess", "ray"]
POLL_SECONDS: dict[Engine, float] = {"inprocess": 0.05, "ray": 0.1}


@dataclass(frozen=True)
class FederatedRun:
    """What a simulated federation is asked to do: its folder with study.toml, its study, preset, device and engine."""

    folder: Path
    study: Study
    preset: str
    device: torch.device
    engine: Engine
    say: Callable[[str], None]


def federate(run: FederatedRun, *, grid: Grid | None = None) -> dict[str, Any]:
    """Do every step that is not done yet; writes server/, signature/, results.json and report.html.

    `grid` leads to nodes that Flower started already, one a site at least.
    """
    # as its sites: several threads a network gain little, and wait for each other where cores are shared
    torch.set_num_threads(1)
    clock = Clock(run.folder / "seconds.json")
    with clock.step("cohort"):
        folders = make_sites(run.study, run.folder / "sites", jobs=cores(), resume=True)
    for folder in folders.values():
        atomic.write_bytes(folder / STUDY_FILE, (run.folder / "study.toml").read_bytes())
        approve(load_site(folder), folder / STUDY_FILE)
    with clock.step("federation"):
        results = _coordinate(run, folders, grid)
    with clock.step("pooled training"):
        pooled = train_pooled(run.study, folders, models=run.folder / "models", device=run.device)
    with clock.step("comparison"):
        results |= {"comparison": compare(run.study, folders, pooled, run.folder / "server", device=run.device)}
    results |= {"preset": run.preset, "device": device_name(run.device), "seconds": clock.seconds}
    atomic.write_json(run.folder / "results.json", results)
    write_federation_report(results, run.folder / "report.html")
    return results


def _coordinate(run: FederatedRun, folders: dict[str, Path], grid: Grid | None) -> dict[str, Any]:
    logging.getLogger("flwr").setLevel(logging.ERROR)
    live = Live(run.folder / "server", say=run.say)
    server = run.folder / "server"

    def serve(grid: Grid) -> dict[str, Any]:
        exchange = Exchange(grid, federation_of(run.study), poll_seconds=POLL_SECONDS[run.engine])
        return coordinate(open_run(run.folder / "study.toml", server, exchange, live), server)

    try:
        if run.engine == "ray":
            # Ray takes seconds to import
            from simulation.federation.ray_engine import NamedGrid, run_with_ray

            if grid is not None:
                return serve(NamedGrid(grid, sites=len(folders)))
            return run_with_ray(folders, serve, gpu=run.device.type == "cuda")
        with process_pool(jobs=_jobs(run, folders)) as submit:
            return serve(ParallelGrid(submit, folders))
    finally:
        live.close()


def _jobs(run: FederatedRun, folders: dict[str, Path]) -> int:
    """Sites that answer at a time: one a core, or one where they share a GPU."""
    return 1 if run.device.type == "cuda" else min(cores(), len(folders))
