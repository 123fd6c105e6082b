"""Starting a run, watching it, stopping it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from common.errors import DataError, Pdl1esError, PeerError, UsageError
from common.flower_environment import private_folder
from server.bundle import read_bundle, write_bundle
from server.control import Control, RunInfo
from server.kit import Kit
from server.run_log import RunLog, Show
from server.supervisor import is_running

CUT_OFF = ("Task failed with unknown error.", "No heartbeat received from the task")
"""What Flower says of a run whose server was stopped or killed."""
_NEWS_SECONDS = 1
_RETRIES = 5


@dataclass(frozen=True)
class Ended:
    """How a run ended."""

    run: RunInfo
    error: Pdl1esError | None
    """The foreseen error that ended the server's app."""


def start_run(kit: Kit, *, out: Path, resume: bool, app: Path | None = None) -> int:
    """Start a run of the kit's study; its id. UsageError when one goes on or `out` is taken."""
    if not is_running(kit):
        raise PeerError(f"{kit.folder}: this server does not run; start it: pdl1es-server start {kit.folder}")
    with Control(kit) as control:
        if going := unfinished(control):
            raise UsageError(
                f"run {going.run_id} goes on, or was killed less than a minute ago; see it: pdl1es-server watch "
                f"{kit.folder}, end it: pdl1es-server cancel {kit.folder}"
            )
        _check_out(out, resume=resume)
        bundle = app or kit.bundle
        if app is None:
            write_bundle(bundle)
        content, sha256 = read_bundle(bundle)
        private_folder(out)
        settings: dict[str, bool | float | int | str] = {
            "study": str(kit.study_file),
            "out": str(out.absolute()),
            "resume": resume,
        }
        return control.start_run(content, sha256, settings)


def watch(kit: Kit, run_id: int, show: Show) -> Ended:
    """Show what a run prints until it ends; PeerError when the SuperLink is gone for good."""
    after, tries = 0.0, 0
    private_folder(kit.log)
    with RunLog(kit.log / f"run-{run_id}.log", show) as lines:
        while True:
            try:
                with Control(kit) as control:
                    for text, latest in control.log(run_id, after=after):
                        after, tries = max(after, latest), 0
                        lines.feed(text)
                    return Ended(_ended(control, run_id), lines.error)
            except PeerError:
                tries += 1
                if tries > _RETRIES or not is_running(kit):
                    raise
                time.sleep(_NEWS_SECONDS * tries)


def unfinished(control: Control) -> RunInfo | None:
    """The run that goes on, None when none does."""
    return next((run for run in control.runs() if run.unfinished), None)


def cancel(kit: Kit) -> int | None:
    """Stop the run that goes on; its id, None when none does."""
    with Control(kit) as control:
        going = unfinished(control)
        if going is None:
            return None
        control.stop_run(going.run_id)
        return going.run_id


def raise_ending(kit: Kit, ended: Ended) -> None:
    """Nothing for a completed run; for another the error with the exit code that fits."""
    run = ended.run
    if run.status == "completed":
        return
    if run.status == "stopped":
        raise DataError(f"run {run.run_id} was stopped; go on with: pdl1es-server run {kit.folder} --resume")
    if ended.error is not None:
        raise ended.error
    if run.details in CUT_OFF:
        raise PeerError(f"run {run.run_id} was cut off; go on with: pdl1es-server run {kit.folder} --resume")
    raise DataError(f"run {run.run_id} failed ({run.details}); see {kit.log / f'run-{run.run_id}.log'}")


def _ended(control: Control, run_id: int) -> RunInfo:
    while True:
        found = next((run for run in control.runs() if run.run_id == run_id), None)
        if found is None:
            raise PeerError(f"run {run_id} is not known to this server; see: pdl1es-server status KIT")
        if not found.unfinished:
            return found
        time.sleep(_NEWS_SECONDS)


def _check_out(out: Path, *, resume: bool) -> None:
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: is a file; give a folder with --out")
    taken = out.is_dir() and any(out.iterdir())
    if taken and not resume:
        raise UsageError(f"{out}: holds a run already; add --resume to finish it, or give another --out")
