"""The start of `pdl1es-site`, which imports the rest where Ctrl-C is already answered."""

from __future__ import annotations

from common.command import run_command


def main() -> None:
    """Run the command; every foreseen error is one line and its exit code."""
    run_command("client.cli")


if __name__ == "__main__":
    main()
