"""The state of a training, saved so that a killed run goes on to the same numbers."""

from __future__ import annotations

import io
import time
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from common import atomic
from common.errors import DataError


class Checkpoint:
    """A file with the last saved state; saves at most every few seconds unless told to."""

    def __init__(self, path: Path, *, seconds_between: float = 20.0) -> None:
        self.path = path
        self.seconds_between = seconds_between
        self._last = time.monotonic()

    def load(self) -> dict[str, Any] | None:
        """The saved state, or None when there is none; only tensors and plain values are read.

        DataError when the file is damaged.
        """
        if not self.path.is_file():
            return None
        try:
            state: dict[str, Any] = torch.load(self.path, map_location="cpu", weights_only=True)
        except (RuntimeError, EOFError, UnpicklingError, ValueError, KeyError) as error:
            raise self.misfit("is damaged") from error
        return state

    def misfit(self, what: str) -> DataError:
        """The error for a checkpoint that cannot be used."""
        return DataError(f"{self.path}: the checkpoint {what}; delete it to train this model again")

    def due(self) -> bool:
        """Whether the last save is long enough ago."""
        return time.monotonic() - self._last >= self.seconds_between

    def save(self, state: dict[str, Any]) -> None:
        """Write the state in one step."""
        buffer = io.BytesIO()
        torch.save(state, buffer)
        atomic.write_bytes(self.path, buffer.getvalue())
        self._last = time.monotonic()
