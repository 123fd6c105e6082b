"""The benchmarks: `uv run python -m tests.benchmarks [--only NAME] [--quick]`."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from common.command import run_command
from common.flower_environment import silence_flower
from common.parallel import THREAD_VARIABLES

if __name__ == "__main__":
    # before torch and Flower are imported
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    home = Path(tempfile.mkdtemp(prefix="pdl1es-flower-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    silence_flower(home)
    run_command("tests.benchmarks.cli")
