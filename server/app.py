"""The Flower server of a study: reads what it is asked to do and lets the coordination do it."""

from __future__ import annotations

import logging
from pathlib import Path

from flwr.app import Context
from flwr.serverapp import Grid, ServerApp

from common.errors import UsageError
from common.signing_key import SIGNING_KEY
from common.study import load_study
from server.coordinate import coordinate
from server.exchange import Exchange
from server.kit import SETTINGS_FILE
from server.live import Live
from server.study_run import federation_of, open_run

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Run or resume the study that the run's configuration names."""
    logging.getLogger("flwr").setLevel(logging.WARNING)
    study_file, out = (Path(str(context.run_config.get(name, ""))) for name in ("study", "out"))
    if not study_file.is_absolute() or not out.is_absolute():
        raise UsageError("give study and out as absolute paths in the run's configuration")
    live = Live(out, say=print)
    try:
        exchange = Exchange(grid, federation_of(load_study(study_file)))
        coordinate(open_run(study_file, out, exchange, live), out, key=_kits_key(study_file))
    finally:
        live.close()


def _kits_key(study_file: Path) -> Path | None:
    """The key that the sites of a kit were told of; None for a study that is in no kit."""
    return study_file.with_name(SIGNING_KEY) if study_file.with_name(SETTINGS_FILE).exists() else None
