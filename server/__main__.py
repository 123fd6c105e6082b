"""The start of `pdl1es-server`, which imports the rest where Ctrl-C is already answered."""

from __future__ import annotations

import os

from common.command import run_command
from common.flower_environment import PRIVATE_UMASK, QUIET


def main() -> None:
    """Run the command; every foreseen error is one line and its exit code."""
    os.environ.update(QUIET)
    before = os.umask(PRIVATE_UMASK)
    try:
        run_command("server.cli")
    finally:
        os.umask(before)


if __name__ == "__main__":
    main()
