"""A hash of the installed program, by which sites and server know that they run the same code."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

PACKAGES = ("client", "common", "server")
_SUFFIXES = (".py", ".toml", ".j2", ".css")


@cache
def code_sha256() -> str:
    """SHA-256 over names and contents of every source file that a federation runs."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        for name, content in sorted(_files(resources.files(package), package)):
            digest.update(f"{name}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()


def _files(folder: Traversable, path: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        name = f"{path}/{entry.name}"
        if entry.is_dir():
            yield from _files(entry, name)
        elif entry.name.endswith(_SUFFIXES):
            yield name, entry.read_bytes()
