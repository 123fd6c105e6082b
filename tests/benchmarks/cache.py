"""Where the benchmarks keep what takes long to make and is safe to delete."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """pdl1es-benchmarks in the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pdl1es-benchmarks"
