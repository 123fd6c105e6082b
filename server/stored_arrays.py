"""Arrays of an answer on disk until they are needed, so that the server's memory does not grow with the sites."""

from __future__ import annotations

import secrets
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from common.messages import Arrays


class StoredArrays(Mapping[str, np.ndarray]):
    """Flat arrays in one file; each is mapped into memory when it is asked for, and let go with the last use."""

    def __init__(self, arrays: Arrays, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / f"{secrets.token_hex(8)}.bin"
        self._places: dict[str, tuple[int, np.dtype, int]] = {}
        with self._file.open("wb") as opened:
            for name, values in arrays.items():
                self._places[name] = (opened.tell(), values.dtype, values.size)
                opened.write(np.ascontiguousarray(values).data)
        weakref.finalize(self, self._file.unlink, missing_ok=True)

    def __getitem__(self, name: str) -> np.ndarray:
        offset, dtype, size = self._places[name]
        if not size:
            return np.zeros(0, dtype=dtype)
        return np.memmap(self._file, dtype=dtype, mode="r", offset=offset, shape=(size,))

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def clear(folder: Path) -> None:
    """Delete what a server that was killed left behind."""
    for file in folder.glob("*.bin"):
        file.unlink(missing_ok=True)
