"""Parts of results.json that may be absent or say why they were not computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

Results = Mapping[str, Any]


def look_up(results: Any, path: str) -> Any:
    """The value at a dotted key, a number being a place of a list; None where it is absent.

    A part on the way that says why it was not computed is returned in the value's place.
    """
    value = results
    for key in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(key)
        elif isinstance(value, list | tuple) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            return None
        if reason(value):
            return value
    return value


def reason(part: Any) -> str:
    """Why a part was not computed; empty when it was, or when there is none."""
    return str(part["not_computed"]) if isinstance(part, Mapping) and "not_computed" in part else ""


def computed(part: Any) -> TypeGuard[Any]:
    """Whether a part is there with numbers in it."""
    return part is not None and not reason(part)


def computed_parts(parts: Any) -> dict[str, Any]:
    """Those of several named parts that are there with numbers in them."""
    if not isinstance(parts, Mapping) or reason(parts):
        return {}
    return {name: part for name, part in parts.items() if computed(part)}


def reasons(parts: Any, names: Mapping[str, str] | None = None) -> list[str]:
    """`name: why` of each part that was not computed, one line a reason, parts with the same reason together."""
    if reason(parts):
        return [reason(parts)]
    found: dict[str, list[str]] = {}
    for name, part in (parts or {}).items():
        if reason(part):
            found.setdefault(reason(part), []).append((names or {}).get(name, name))
    return [f"{', '.join(who)}: {why}" for why, who in found.items()]
