"""Where a benchmark ran."""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from common.parallel import cores

PACKAGES = ("pdl1es", "flwr", "torch", "numpy", "safetensors", "pydantic")
_SETTINGS = ("OMP_NUM_THREADS", "OPENBLAS_CORETYPE")


def machine_lines() -> list[str]:
    """Date, machine, how busy it was, versions and settings that matter to time."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    settings = ", ".join(f"{name}={os.environ[name]}" for name in _SETTINGS if name in os.environ)
    return [
        f"measured {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"{_processor()}, {cores()} cores, {memory:.0f} GiB of memory, {platform.system()} {platform.machine()}; "
        f"load of the minute before: {os.getloadavg()[0]:.1f}",
        f"Python {sys.version.split()[0]}, {versions}; {settings}",
    ]


def _processor() -> str:
    file = Path("/proc/cpuinfo")
    lines = file.read_text("utf-8").splitlines() if file.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or "unknown processor")
