"""Numbers of a finding in words."""

from __future__ import annotations

from collections.abc import Iterable


def span(values: Iterable[float]) -> str:
    """The smallest and the largest of some values, one number when they look the same."""
    seen = list(values)
    low, high = f"{min(seen):.3g}", f"{max(seen):.3g}"
    return low if low == high else f"{low} to {high}"
