"""DICOM values as plain Python, with None for whatever is absent or unusable."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

LONGEST_TEXT, SHOWN_DIGITS = 64, 8


def text(data: Dataset, name: str) -> str:
    """One printable line of at most 64 characters, values of a list joined by a slash; empty when absent.

    Empty as well when it holds control characters: a damaged length has then swallowed tags behind it, names perhaps.
    """
    value = _value(data, name)
    if value is None or isinstance(value, bytes | Dataset):
        return ""
    parts = value if _is_list(value) else [value]
    joined = "/".join(str(part).strip(" \0") for part in parts)
    return printable(joined) if all(c.isprintable() or c.isspace() for c in joined) else ""


def printable(words: str) -> str:
    """One line without control characters, cut to 64 characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in words).split())
    return line if len(line) <= LONGEST_TEXT else line[: LONGEST_TEXT - 3] + "..."


def words(data: Dataset, name: str) -> tuple[str, ...]:
    """The values of a tag as stripped upper-case text."""
    value = _value(data, name)
    if value is None or isinstance(value, bytes | Dataset):
        return ()
    return tuple(str(part).strip().upper() for part in (value if _is_list(value) else [value]))


def uid(data: Dataset, name: str) -> str:
    """A UID, empty when absent."""
    value = _value(data, name)
    return str(value).strip().strip("\0") if isinstance(value, str) else ""


def identifier(data: Dataset, name: str) -> str:
    """A patient's identifier as it stands, stripped; empty when absent or not printable."""
    value = _value(data, name)
    found = value.strip(" \0") if isinstance(value, str) else ""
    return found if found.isprintable() else ""


def number(data: Dataset, name: str) -> float | None:
    """One finite number."""
    found = numbers(data, name, count=1)
    return found[0] if found else None


def whole(data: Dataset, name: str) -> int | None:
    """One whole number."""
    found = number(data, name)
    return int(found) if found is not None and found == int(found) else None


def numbers(data: Dataset, name: str, *, count: int) -> tuple[float, ...] | None:
    """Exactly `count` finite numbers."""
    value = _value(data, name)
    if value is None or isinstance(value, bytes | Dataset):
        return None
    try:
        found = tuple(float(part) for part in (value if _is_list(value) else [value]))
    except (TypeError, ValueError):
        return None
    return found if len(found) == count and all(math.isfinite(one) for one in found) else None


def items(data: Dataset, name: str) -> Iterator[Dataset]:
    """The items of a sequence; none when it is absent or no sequence."""
    value = _value(data, name)
    if value is not None and not isinstance(value, str | bytes) and hasattr(value, "__iter__"):
        yield from (item for item in value if isinstance(item, Dataset))


def short_uid(name: str) -> str:
    """The last digits of a UID, enough to tell two apart on a screen; other characters, of a damaged one, as ?."""
    digits = "".join(c if c in "0123456789." else "?" for c in name[-SHOWN_DIGITS:])
    return digits if len(name) <= SHOWN_DIGITS else "..." + digits


def _value(data: Dataset, name: str) -> Any:
    try:
        return data.get(name)
    except Exception:  # a value that its own VR forbids counts as absent; pydicom raises nearly anything over it
        return None


def _is_list(value: Any) -> bool:
    return isinstance(value, MultiValue | list | tuple)
