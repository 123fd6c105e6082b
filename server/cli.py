"""`pdl1es-server`: the coordinator's command."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from server.admission import admit, read_site_key, revoke
from server.certificates import SERVER_DAYS
from server.control import Control
from server.daemon import start, stop
from server.kit import Kit, load_kit
from server.provision import provision, renew
from server.runs import cancel, raise_ending, start_run, unfinished, watch
from server.status import status
from server.status_screen import show_status
from server.supervisor import main as supervise

app = typer.Typer(
    name="pdl1es-server",
    help="The coordinator of a federation: its keys, its server, its runs. Never sees a patient.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Folder = Annotated[Path, typer.Argument(help="The kit that `provision` made.", metavar="KIT")]
Days = Annotated[int, typer.Option(help="Days that the server's certificate is valid.", min=1, max=3650)]


@app.command("provision")
def provision_command(
    study: Annotated[Path, typer.Argument(help="The study's file, with a table [federation].", metavar="STUDY")],
    out: Annotated[Path, typer.Option(help="The kit to make: a new folder.", metavar="KIT")],
    host: Annotated[
        list[str] | None,
        typer.Option(help="Name or address by which sites reach this server; may be repeated  [default: localhost]"),
    ] = None,
    port: Annotated[int, typer.Option(help="The sites' port; the three above are used on this machine.")] = 9400,
    days: Days = SERVER_DAYS,
) -> None:
    """Make the keys of a federation and a folder to hand to each site."""
    made = provision(study, out, hosts=host or ["localhost"], port=port, days=days)
    typer.echo(f"Study          {made.kit.study.name}, {made.study_sha256[:12]}")
    typer.echo(f"Server         {made.kit.server}  (keys: keep them here)")
    typer.echo(f"Sites          {', '.join(made.kit.roster)}, a folder each in {made.kit.sites}")
    typer.echo(f"CA             SHA-256 {made.ca_sha256}  (sites compare it)")
    typer.echo(f"Signing key    {made.signing_key}  (sites and external centres compare it)")
    typer.echo(f"Certificate    {made.days} days; then: pdl1es-server renew {out}")
    typer.echo(f"Next: hand each site its folder, and: pdl1es-server start {out}")


@app.command("start")
def start_command(
    folder: Folder,
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Stay here and log, for systemd and containers.")
    ] = False,
) -> None:
    """Start the server: Flower's SuperLink on this machine alone, and the sites' port in front of it."""
    kit = load_kit(folder)
    if foreground:
        raise typer.Exit(supervise(kit.folder))
    seconds = start(kit)
    typer.echo(f"Server         {kit.settings.listen}:{kit.settings.port}, ready after {seconds:.0f} s")
    typer.echo(f"Logs           {kit.log}")
    typer.echo(f"Next: pdl1es-server admit {folder} NAME.pub; pdl1es-server status {folder}")


@app.command("stop")
def stop_command(folder: Folder) -> None:
    """Stop the server; a run that goes on is stopped with it and can be resumed."""
    kit = load_kit(folder)
    if not stop(kit):
        typer.echo("The server did not run.")
        return
    typer.echo("The server has ended.")


@app.command("admit")
def admit_command(
    folder: Folder,
    keys: Annotated[list[Path], typer.Argument(help="Public keys as the sites sent them.", metavar="NAME.pub...")],
) -> None:
    """Let sites in: register each public key under its name in the roster."""
    kit = load_kit(folder)
    roster = kit.roster
    for one in admit(kit, [read_site_key(path, roster) for path in keys]):
        word = "admitted" if one.new else "was admitted already"
        typer.echo(f"{one.key.name:<14} {word}, {one.key.fingerprint}")


@app.command("revoke")
def revoke_command(folder: Folder, name: Annotated[str, typer.Argument(help="The site's name in the roster.")]) -> None:
    """Shut a site out at once; its key is never taken again."""
    kit = load_kit(folder)
    revoke(kit, name)
    typer.echo(f"{name:<14} revoked; it is cut off at its next call, within half a minute")
    typer.echo("To let it in again it needs a new key: pdl1es-site enroll DIR --kit KIT --new-key")


@app.command("run")
def run_command(
    folder: Folder,
    out: Annotated[
        Path | None, typer.Option(help="Folder for state, report and signature  [default: KIT/server/results]")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Finish a run that was stopped.")] = False,
    other_app: Annotated[Path | None, typer.Option("--app", hidden=True)] = None,
) -> None:
    """Run the study with the sites that are online, and show what the server says until it ends."""
    kit = load_kit(folder)
    target = out or kit.results
    run_id = start_run(kit, out=target, resume=resume, app=other_app)
    typer.echo(f"Run            {run_id}, into {target}", err=True)
    _watch(kit, run_id)
    typer.echo(f"Results        {target}")


@app.command("watch")
def watch_command(folder: Folder) -> None:
    """Show the run that goes on, from its beginning."""
    kit = load_kit(folder)
    with Control(kit) as control:
        going = unfinished(control)
    if going is None:
        typer.echo("No run goes on.")
        return
    _watch(kit, going.run_id)


@app.command("cancel")
def cancel_command(folder: Folder) -> None:
    """Stop the run that goes on; it can be resumed."""
    run_id = cancel(load_kit(folder))
    if run_id is None:
        typer.echo("No run goes on.")
        return
    typer.echo(f"Run {run_id} is stopped; go on with: pdl1es-server run {folder} --resume")


@app.command("status")
def status_command(
    folder: Folder, as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False
) -> None:
    """Show the server's programs, which sites are online, and the runs; 3 when the server does not run well."""
    content = status(load_kit(folder))
    if as_json:
        typer.echo(json.dumps(content, indent=2))
    else:
        show_status(content)
    if not all(program["healthy"] for program in content["programs"].values()):
        raise typer.Exit(3)


@app.command("renew")
def renew_command(folder: Folder, days: Days = SERVER_DAYS) -> None:
    """Give the server a new certificate, for the hosts in server.toml; the sites need nothing."""
    kit = load_kit(folder)
    left = renew(kit, days=days)
    typer.echo(f"Certificate    {left:.0f} days, for {', '.join(kit.settings.hosts)}")
    typer.echo(f"It counts from the next start: pdl1es-server stop {folder}; pdl1es-server start {folder}")


def _watch(kit: Kit, run_id: int) -> None:
    try:
        ended = watch(kit, run_id, typer.echo)
    except KeyboardInterrupt:
        print(f"\nRun {run_id} goes on. See it: pdl1es-server watch {kit.folder}", file=sys.stderr)
        print(f"Stop it: pdl1es-server cancel {kit.folder}", file=sys.stderr)
        raise
    raise_ending(kit, ended)
