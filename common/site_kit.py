"""What the coordinator hands to one site: who it is, where the server is, which study; nothing secret."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from common import atomic
from common.errors import DataError
from common.study_errors import explain
from common.study_federation import SiteName

KIT_FILE = "site-kit.json"
CA_FILE = "ca.crt"
STUDY_FILE = "study.toml"
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Fingerprint = Annotated[str, Field(pattern=r"^([0-9a-f]{2}:){31}[0-9a-f]{2}$")]
Address = Annotated[str, Field(pattern=r"^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}$")]


class SiteKit(BaseModel):
    """The content of site-kit.json."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    name: SiteName
    """The site's name in the roster."""
    server: Address
    """host:port of the server."""
    study: str
    """Name of the study."""
    study_sha256: Sha256
    """SHA-256 of study.toml, which the site approves."""
    ca_sha256: Sha256
    """SHA-256 of ca.crt in DER, to compare by telephone."""
    signing_key: Fingerprint
    """Fingerprint of the key that will seal the signature, signing.pub, to compare by telephone."""


def read_site_kit(folder: Path) -> SiteKit:
    """Read site-kit.json of a folder; DataError says what is wrong."""
    path = folder / KIT_FILE
    try:
        return SiteKit.model_validate_json(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(f"{path}: is missing; give the folder that the coordinator made for this site") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is not text in UTF-8; ask the coordinator for the kit again") from error
    except ValidationError as error:
        raise DataError(f"{path}: {explain(error, SiteKit)}; ask the coordinator for the kit again") from error


def write_site_kit(folder: Path, kit: SiteKit) -> None:
    """Write site-kit.json."""
    atomic.write_json(folder / KIT_FILE, kit.model_dump())
