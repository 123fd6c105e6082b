"""Flower's SuperNode as a program that surely ends: a lost connection leaves Flower's inner server running for ever."""

from __future__ import annotations

import os
import sys
import traceback

from flwr.supernode.cli.flower_supernode import flower_supernode

GAVE_UP = 3


def main() -> None:
    """Run the SuperNode with the arguments of this program, then end at once."""
    code: object = GAVE_UP
    try:
        flower_supernode()
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
