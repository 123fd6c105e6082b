"""The coordinator's folder: where the keys, the study, the state and the logs of one federation are."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from common.errors import DataError, StudyError
from common.signing_key import SIGNING_KEY
from common.study import Study, load_study
from common.study_errors import explain
from common.study_federation import Federation

Port = Annotated[int, Field(ge=1, le=65535)]
Host = Annotated[str, Field(pattern=r"^([A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9a-fA-F:]+)$")]
CONNECTION = "pdl1es"
SETTINGS_FILE = "server.toml"

_TEMPLATE = """\
# One federation's server. Only `listen`:`port` is for the sites; the other ports answer on this machine alone.
hosts = {hosts}   # names and addresses in the server's certificate; `pdl1es-server renew` follows them
listen = "{listen}"        # address the sites' port is opened on
port = {port}              # sites
superlink_port = {superlink_port}    # Flower's SuperLink, with Control and Runtime
superlink_health_port = {superlink_health_port}
superexec_health_port = {superexec_health_port}
"""


class ServerFile(BaseModel):
    """The keys of server.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hosts: Annotated[tuple[Host, ...], Field(min_length=1)]
    listen: Host
    port: Port
    superlink_port: Port
    superlink_health_port: Port
    superexec_health_port: Port

    @property
    def ports(self) -> tuple[tuple[str, int], ...]:
        """Address and port of everything that listens."""
        inner = (self.superlink_port, self.superlink_health_port, self.superexec_health_port)
        return ((self.listen, self.port), *(("127.0.0.1", port) for port in inner))

    @property
    def reachable(self) -> str:
        """HOST:PORT of the sites' port as this machine reaches it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "localhost"}.get(self.listen, self.listen)  # noqa: S104
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"


class Kit:
    """A kit with its settings read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        server = self.server = self.folder / "server"
        self.sites = self.folder / "sites"
        self.settings_file = server / SETTINGS_FILE
        self.study_file = server / "study.toml"
        self.ca_certificate, self.ca_key = server / "ca.crt", server / "ca.key"
        self.certificate, self.key = server / "server.crt", server / "server.key"
        self.secret = server / "superexec.secret"
        self.signing_key = server / SIGNING_KEY
        self.home = server / "flwr"
        self.database = server / "state" / "superlink.db"
        self.work = server / "work"
        self.run = server / "run"
        self.log = server / "log"
        self.bundle = server / "app"
        self.results = server / "results"

    @property
    def settings(self) -> ServerFile:
        """What server.toml says; DataError names the key."""
        try:
            return ServerFile.model_validate(tomllib.loads(self.settings_file.read_text("utf-8")))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise DataError(f"{self.settings_file}: is not TOML ({error}); mend the file at that place") from error
        except ValidationError as error:
            raise DataError(f"{self.settings_file}: {explain(error, ServerFile)}") from error

    @property
    def study(self) -> Study:
        """The study of this federation."""
        return load_study(self.study_file)

    @property
    def roster(self) -> tuple[str, ...]:
        """Names of the sites that may take part."""
        return federation_of(self.study, self.study_file).roster


def load_kit(folder: Path) -> Kit:
    """The kit in a folder; DataError when there is none."""
    kit = Kit(folder)
    if not kit.settings_file.is_file():
        raise DataError(
            f"{folder}: is no kit, {kit.settings_file} is missing; "
            f"make one: pdl1es-server provision STUDY --out {folder}"
        )
    return kit


def federation_of(study: Study, path: Path) -> Federation:
    """The study's table [federation]; StudyError without one."""
    if study.federation is None:
        raise StudyError(f"{path}: has no table [federation], a server needs it; see docs/study.md")
    return study.federation


def settings_text(hosts: tuple[str, ...], *, port: int) -> str:
    """The text of a new server.toml; the inner ports follow the outer one."""
    local = all(host in ("localhost", "127.0.0.1", "::1") for host in hosts)
    return _TEMPLATE.format(
        hosts="[" + ", ".join(f'"{host}"' for host in hosts) + "]",
        listen="127.0.0.1" if local else "0.0.0.0",  # noqa: S104
        port=port,
        superlink_port=inner_port(port),
        superlink_health_port=port + 2,
        superexec_health_port=port + 3,
    )


def inner_port(port: int) -> int:
    """The SuperLink's port beside the sites' port."""
    return port + 1


def connection_text(kit: Kit, *, port: int) -> str:
    """Flower's own settings, so that `flwr` finds this server as well."""
    lines = (
        "[superlink]",
        f'default = "{CONNECTION}"',
        "",
        f"[superlink.{CONNECTION}]",
        f'address = "127.0.0.1:{port}"',
        f"root-certificates = {json.dumps(str(kit.ca_certificate), ensure_ascii=False)}",
    )
    return "\n".join(lines) + "\n"
