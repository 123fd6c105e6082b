"""A server's status for people."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape

_COLOURS = {"online": "green", "offline": "yellow", "admitted": "blue", "revoked": "red", "never enrolled": "red"}
_LATEST = 5
screen = Console(highlight=False, soft_wrap=True, emoji=False)


def show_status(content: dict[str, Any]) -> None:
    """Print what `status` found."""
    certificate = content["certificate"]
    screen.print(f"Study          {content['study']}, {content['study_sha256'][:12]}")
    screen.print(f"Server         {content['address']}, {'running' if content['running'] else 'not running'}")
    soon = "; renew it: pdl1es-server renew KIT" if certificate["renew_soon"] else ""
    screen.print(f"Certificate    {certificate['days_left']:.0f} days left{soon}")
    for name, program in content["programs"].items():
        screen.print(f"{name:<14} {'well' if program['healthy'] else 'NOT WELL, see its log'}")
    for site in content["sites"]:
        colour = _COLOURS.get(site["state"], "white")
        since = f"  since {_short(site['since'])}" if site["since"] else ""
        screen.print(f"{site['name']:<14} [{colour}]{site['state']}[/{colour}]{since}")
    for run in content["runs"][:_LATEST]:
        details = f"  {escape(run['details'])}" if run["details"] else ""
        screen.print(f"Run            {run['run_id']} {run['status']}{details}")
    if len(content["runs"]) > _LATEST:
        screen.print(f"and {len(content['runs']) - _LATEST} older run(s), see --json")


def _short(moment: str) -> str:
    return moment.partition(".")[0].replace("T", " ") + " UTC"
