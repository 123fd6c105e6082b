"""Extracts when asked, one line of JSON a question and an answer; runs in the environment of what is measured."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

Extract = Callable[[Sequence[str]], Mapping[str, float]]
"""Values by name, of the image and the mask whose paths are given."""


def serve(extract: Extract) -> None:
    """Answer until standard input ends; what the measured code prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        print(json.dumps(_answer(extract, json.loads(line))), file=answers, flush=True)


def settings() -> dict[str, object]:
    """The study's settings, with which the program was started."""
    known: dict[str, object] = json.loads(sys.argv[1])
    return known


def _answer(extract: Extract, question: dict[str, object]) -> dict[str, object]:
    with suppress(OSError):
        # forget the peak of what was before
        Path("/proc/self/clear_refs").write_text("5")
    start = time.perf_counter()
    try:
        found = dict(extract(question["paths"]))
    except Exception as error:
        return {"error": f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"}
    seconds = time.perf_counter() - start
    if keep := question.get("keep"):
        Path(str(keep)).write_text(json.dumps({name: float(value) for name, value in found.items()}))
    return {"seconds": seconds, "values": len(found), "peak_bytes": _peak_bytes()}


def _peak_bytes() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
