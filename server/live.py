"""What the coordinator sees while a study runs: lines on the screen, JSON lines, TensorBoard scalars."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter

EVENTS_FILE = "events.jsonl"


class Live:
    """Writes each event once to all three places; nothing in it is about one patient."""

    def __init__(self, folder: Path, *, say: Callable[[str], None], clock: Callable[[], float] = time.time) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.say, self.clock = folder, say, clock
        self._board = SummaryWriter(str(folder / "tensorboard"))

    def tell(self, event: str, sentence: str, **facts: Any) -> None:
        """An event for people (`sentence`) and for machines (`facts`)."""
        self.say(sentence)
        line = {"time": round(self.clock(), 3), "event": event, **facts}
        with (self.folder / EVENTS_FILE).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")

    def scalars(self, step: int, **values: float | None) -> None:
        """Numbers of a round, for TensorBoard."""
        for name, value in values.items():
            if value is not None:
                self._board.add_scalar(name, value, step)
        self._board.flush()

    def close(self) -> None:
        """Finish the files."""
        self._board.close()
