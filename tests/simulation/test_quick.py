"""The `quick` preset learns, at its own seed and on the average of five."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from statistics import mean
from typing import Any

import pytest


def measured_auc(seed: int | None, folder: Path) -> dict[str, Any]:
    command = str(Path(sys.executable).with_name("pdl1es-sim"))
    words = [command, "reproduce", "--out", str(folder), *([] if seed is None else ["--seed", str(seed)])]
    subprocess.run(words, check=True, timeout=1800)
    found: dict[str, Any] = json.loads((folder / "results.json").read_text())["discrimination"]["pdl1es"]["test"]
    return found


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_quick_learns(tmp_path: Path) -> None:
    own = measured_auc(None, tmp_path / "own")
    assert own["ci_low"] > 0.5
    others = [measured_auc(seed, tmp_path / str(seed))["auc"] for seed in (1, 2, 3, 4)]
    assert mean([own["auc"], *others]) > 0.62
