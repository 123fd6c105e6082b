"""What a run of a study may ask once: a second preparation or cut-off would answer by its difference to the first."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from client.federation.conformity import FEDERATED
from common import atomic
from common.errors import DataError, PeerError
from common.file_lock import locked
from common.messages import EvaluationRequest, Request, SurvivalRequest, TrainingRequest

PINNED_FILE, LOCK_FILE = "pinned.json", "pinned.lock"


def check_pinned(request: Request, folder: Path) -> None:
    """Remember what the run asked first, durably; PeerError when it now asks with another preparation or cut-off."""
    if not isinstance(request, TrainingRequest | EvaluationRequest | SurvivalRequest):
        return
    model = request.model if isinstance(request, EvaluationRequest) else FEDERATED
    preparation = hashlib.sha256(request.preparation.model_dump_json().encode()).hexdigest()
    asked = {f"preparation of {model}": preparation}
    if isinstance(request, SurvivalRequest) and request.cutoff is not None:
        asked["cut-off"] = request.cutoff.hex()
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / LOCK_FILE):
        _pin(folder / PINNED_FILE, request.run, asked)


def _pin(file: Path, run: str, asked: dict[str, str]) -> None:
    known = _read(file)
    before = known.setdefault(run, {})
    for name, value in asked.items():
        if before.setdefault(name, value) != value:
            raise PeerError(
                f"the server asks run {run[:12]} with another {name} than before, and the difference of two answers "
                "would tell of single patients; ask the coordinator why"
            )
    atomic.write_text(file, json.dumps(known, indent=1, sort_keys=True) + "\n")


def _read(file: Path) -> dict[str, dict[str, str]]:
    if not file.exists():
        return {}
    try:
        known: dict[str, dict[str, str]] = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise DataError(
            f"{file}: is damaged; put it back from a backup, or remove it and say so to the server"
        ) from error
    return known
