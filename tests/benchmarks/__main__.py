"""The benchmarks: `uv run python -m tests.benchmarks [--only NAME] [--quick]`."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.cache import cache_folder

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")


def _start() -> None:
    """Set what libraries read when they are imported, then run the command."""
    os.environ.update(dict.fromkeys(THREADS, "1"))
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
        # else each of the many processes compiles everything it imports anew, 10 s of CPU each
        os.environ["PYTHONPYCACHEPREFIX"] = str(cache_folder() / "bytecode")
        os.execv(sys.executable, [sys.executable, "-m", "tests.benchmarks", *sys.argv[1:]])
    from common.command import run_command
    from common.flower_environment import silence_flower

    # ended from outside it clears up as after Ctrl-C
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    home = Path(tempfile.mkdtemp(prefix="pdl1es-flower-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    silence_flower(home)
    run_command("tests.benchmarks.cli")


if __name__ == "__main__":
    _start()
