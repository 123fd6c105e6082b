"""docs/security.md names tests; each of them is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_test_that_the_page_names_is_there() -> None:
    page = (ROOT / "docs" / "security.md").read_text("utf-8")
    sources = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    names, files = re.findall(r"`(test_\w+)`", page), re.findall(r"`(tests/[\w/]+\.py)`", page)
    assert len(names) > 15
    assert not [name for name in names if f"def {name}(" not in sources]
    assert not [name for name in files if not (ROOT / name).is_file()]
