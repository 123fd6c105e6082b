"""The form of a number of the paper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["count", "estimate", "p", "days", "years"]


@dataclass(frozen=True)
class Published:
    """A number of the paper; `paths` are the dotted keys of results.json whose sum is the same quantity."""

    quantity: str
    kind: Kind
    paths: tuple[str, ...]
    value: float
    where: str
    interval: str = ""
    """Dotted key of the measured interval: of a list of two, or without its `_low` and `_high`."""
    ci_low: float | None = None
    """None when the paper gives no interval."""
    ci_high: float | None = None
    """None beside a lower end: the paper leaves the interval open."""
    note: str = ""
    """Why the two numbers may not be the same quantity; `{rule}` is how the measured cut-off came about."""
    text: str = ""
    """The number as the paper prints it, where rounding would change it."""
