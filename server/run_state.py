"""How far a study's run has come, on disk after every step, so that a killed run goes on to the same weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from common import atomic
from common.errors import DataError, StudyError

FORMAT = 1
STATE_FILE = "state.json"


@dataclass
class RunState:
    """Facts as JSON and named groups of arrays; `save` makes both durable in one step."""

    folder: Path
    study_sha256: str
    code_sha256: str
    facts: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    _files: dict[str, str] = field(default_factory=dict)
    _changed: set[str] = field(default_factory=set)
    _saves: int = 0

    def put(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Replace a group of arrays; it is on disk after the next `save`."""
        self.arrays[name] = dict(arrays)
        self._changed.add(name)

    def save(self) -> None:
        """Write changed arrays to new files, then point to them; a crash in between leaves the old state whole."""
        self._saves += 1
        old = dict(self._files)
        for name in sorted(self._changed):
            self._files[name] = f"{name}-{self._saves}.safetensors"
            atomic.write_bytes(self.folder / self._files[name], save(self.arrays[name]))
        content = {
            "format": FORMAT,
            "study_sha256": self.study_sha256,
            "code_sha256": self.code_sha256,
            "saves": self._saves,
            "arrays": self._files,
            "facts": self.facts,
        }
        atomic.write_json(self.folder / STATE_FILE, content)
        for name in self._changed & set(old):
            (self.folder / old[name]).unlink(missing_ok=True)
        self._changed.clear()

    @classmethod
    def open(cls, folder: Path, *, study_sha256: str, code_sha256: str) -> RunState:
        """The state in a folder, or a new one; StudyError for another study or program, DataError when damaged."""
        path = folder / STATE_FILE
        if not path.is_file():
            return cls(folder, study_sha256, code_sha256)
        try:
            content = json.loads(path.read_text("utf-8"))
            arrays = {name: load((folder / file).read_bytes()) for name, file in content["arrays"].items()}
            known = (content["study_sha256"], content["code_sha256"], content["format"])
            state = cls(
                folder, study_sha256, code_sha256, content["facts"], arrays, content["arrays"], _saves=content["saves"]
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
            raise DataError(
                f"{path}: the state of the run is damaged ({error}); begin again in another folder"
            ) from error
        _agree(path, known, (study_sha256, code_sha256, FORMAT))
        return state


def _agree(path: Path, known: tuple[Any, ...], wanted: tuple[Any, ...]) -> None:
    for what, was, now in zip(("study", "program", "format"), known, wanted, strict=True):
        if was != now:
            raise StudyError(
                f"{path}: the run was begun with another {what} ({str(was)[:12]}, now {str(now)[:12]}); "
                f"finish it with that {what}, or begin again in another folder"
            )
