"""The app bundle that Flower sends along: settings and names, no code; each side runs what it installed."""

from __future__ import annotations

import hashlib
from importlib import metadata
from pathlib import Path

from flwr.cli.build import build_fab_from_disk

from common import atomic
from common.errors import UsageError

_PYPROJECT = """\
[project]
name = "pdl1es"
version = "{version}"
description = "Names the two apps; carries no code."
license = "Apache-2.0"
dependencies = []

[tool.flwr.app]
publisher = "pdl1es"
fab-include = ["README.md"]

[tool.flwr.app.components]
serverapp = "server.app:app"
clientapp = "client.app:app"

[tool.flwr.app.config]
study = ""
out = ""
resume = false
"""
_README = "This bundle carries no code: each side runs the pdl1es that it installed.\n"


def write_bundle(folder: Path) -> None:
    """Write the folder that `flwr run` takes for an app."""
    atomic.write_text(folder / "pyproject.toml", _PYPROJECT.format(version=metadata.version("pdl1es")))
    atomic.write_text(folder / "README.md", _README)


def read_bundle(folder: Path) -> tuple[bytes, str]:
    """A folder's bundle and its SHA-256; UsageError when Flower does not take it."""
    try:
        content = build_fab_from_disk(folder)
    except (ValueError, OSError) as error:
        raise UsageError(f"{folder}: is no Flower app ({error}); leave --app out for pdl1es's own") from error
    return content, hashlib.sha256(content).hexdigest()
