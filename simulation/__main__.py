"""The start of `pdl1es-sim`, which imports the rest where Ctrl-C is already answered."""

from __future__ import annotations

from common.command import run_command


def main() -> None:
    """Run the command; every foreseen error is one line and its exit code."""
    run_command("simulation.cli")


if __name__ == "__main__":
    main()
