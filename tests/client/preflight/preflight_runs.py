"""How a test runs `pdl1es-site check`, and what it looks at afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any


def in_turn(function: Callable[[Any], Any], tasks: Sequence[Any], *, jobs: int) -> Iterator[tuple[int, Any]]:
    for index, task in enumerate(tasks):
        yield index, function(task)


@dataclass(frozen=True)
class Ended:
    """How a check ended: exit code, what was printed, and its checks by name."""

    code: int
    out: str
    err: str
    results: dict[str, Any]

    def check(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = next(one for one in self.results["checks"] if one["name"] == name)
        return found

    def state(self, name: str) -> str:
        return str(self.check(name)["state"])


Run = Callable[..., Ended]
