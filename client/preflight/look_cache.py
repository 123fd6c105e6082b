"""What was seen of a patient, one file each in the site's cache, found again by content and settings."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from client.extraction_cache import content_key
from client.extraction_task import Refusal
from client.known_digests import Digest, file_sha256
from client.preflight.look import Hounsfield, Look, Task, Tumour, look
from client.preflight.thumbnail import Thumbnail
from common import atomic

LOOK_VERSION = 1
"""Raised whenever this code sees something else in the same bytes."""
_FACTS = ("size", "spacing_mm", "hounsfield", "tumour", "content_sha256", "synthetic")


def look_path(task: Task, cache: Path, digest: Digest = file_sha256) -> Path | None:
    """Where the record of a task lies or would; None when image or mask cannot be read."""
    settings = [task.resampling.model_dump(mode="json"), list(task.window_hu)]
    made_by = ["look", settings, [LOOK_VERSION, version("SimpleITK"), version("scipy")]]
    with suppress(OSError):
        return cache / "looks" / f"{content_key(task.image, task.mask, made_by, digest)}.npz"
    return None


def known_look(wanted: tuple[Task, Path | None]) -> Look | Refusal:
    """What `look` gave before for the same files and settings, or gives now; raises nothing."""
    task, path = wanted
    if path is None:
        return look(task)
    if (known := _load(path)) is not None:
        return known
    seen = look(task)
    # files that were changed since their name was made would be found under what they were
    if isinstance(seen, Look) and look_path(task, path.parents[1]) == path:
        # a check does without a cache that takes nothing
        with suppress(OSError):
            _save(path, seen)
    return seen


def _save(path: Path, seen: Look) -> None:
    facts = json.dumps({name: value for name, value in asdict(seen).items() if name in _FACTS})
    buffer = io.BytesIO()
    np.savez(
        buffer,
        grey=seen.thumbnail.grey,
        detail=seen.detail,
        outline=np.frombuffer(seen.thumbnail.outline, np.uint8),
        facts=np.frombuffer(facts.encode(), np.uint8),
    )
    atomic.write_bytes(path, buffer.getvalue())


def _load(path: Path) -> Look | None:
    """None when there is none or it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            facts: dict[str, Any] = json.loads(file["facts"].tobytes())
            thumbnail = Thumbnail(file["grey"], file["outline"].tobytes())
            tumour = facts["tumour"] | {"touches": tuple(facts["tumour"]["touches"])}
            return Look(
                size=tuple(facts["size"]),
                spacing_mm=tuple(facts["spacing_mm"]),
                hounsfield=Hounsfield(**facts["hounsfield"]),
                tumour=Tumour(**tumour),
                content_sha256=facts["content_sha256"],
                detail=file["detail"],
                thumbnail=thumbnail,
                synthetic=facts["synthetic"],
            )
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile, zlib.error):
        return None
