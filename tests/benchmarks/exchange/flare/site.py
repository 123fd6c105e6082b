"""A site in FLARE's simulator: notes when weights arrive and how many arrays, and gives them back."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import nvflare.client as flare


def main(folder: Path) -> None:
    """Answer until the server has no more tasks."""
    flare.init()
    with np.load(folder / "weights.npz") as stored:
        first = dict(stored)
    notes = folder / f"{flare.get_site_name()}.txt"
    while flare.is_running():
        model = flare.receive()
        if model is None:
            return
        with notes.open("a") as file:
            file.write(f"{time.time()} {len(model.params)}\n")
        flare.send(flare.FLModel(params=model.params or first, meta={"NUM_STEPS_CURRENT_ROUND": 1}))


main(Path(sys.argv[1]))
