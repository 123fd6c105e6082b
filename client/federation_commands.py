"""The commands with which a site takes part in a federation."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from client.federation_folder import load_federation
from client.site import load_site
from common.tls_probe import split_address

Folder = Annotated[Path, typer.Argument(help="The site's folder.", metavar="DIR")]


def enroll_command(
    folder: Folder,
    kit: Annotated[Path, typer.Option(help="The folder that the coordinator made for this site.", metavar="KIT")],
    new_key: Annotated[
        bool, typer.Option("--new-key", help="Make another key, after the old one was revoked or lost.")
    ] = False,
) -> None:
    """Make this site's key and take the server's CA and the study from the coordinator's kit."""
    # certificates, Flower and the trail take seconds to import, and the other commands do not need them
    from client.enroll import enroll

    done = enroll(folder, kit, new_key=new_key)
    typer.echo(f"Site           {done.site_name}")
    typer.echo(f"Study          {done.kit.study}, {done.kit.study_sha256}")
    typer.echo(f"Server         {done.kit.server}")
    typer.echo(f"CA             SHA-256 {done.kit.ca_sha256}  (compare it with the coordinator's)")
    typer.echo(f"Signing key    {done.kit.signing_key}  (compare it: it seals the signature)")
    typer.echo(f"Key            {done.fingerprint}  ({'new' if done.new_key else 'the same as before'})")
    typer.echo(f"Next: hand {done.public_key} to the coordinator, then read the study and say yes or no:")
    typer.echo(f"      pdl1es-site approve {folder}")


def join_command(
    folder: Folder,
    server: Annotated[
        str | None, typer.Option(help="The server's address  [default: the kit's]", metavar="HOST:PORT")
    ] = None,
    app: Annotated[str, typer.Option(hidden=True)] = "client.app:app",
) -> None:
    """Take part in the federation until stopped; needs an outgoing connection to the server and nothing else."""
    site = load_site(folder)
    from client.audit.recorder import record_join
    from client.join import Member, check_may_join

    place, kit = load_federation(site.folder)
    address = server or kit.server
    split_address(address)
    server_ca = check_may_join(site, kit)
    member = Member(place, kit, server=address, app=app, say=_say)
    record_join(site.folder, address=address, server=server_ca)
    member.run()


def _say(line: str) -> None:
    typer.echo(f"{time.strftime('%H:%M:%S')} {line}")
