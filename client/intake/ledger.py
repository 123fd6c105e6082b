"""intake.json: what was imported of whom, by pseudonym, so that the next import does only what is new."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from client.intake.pseudonyms import PSEUDONYM
from common import atomic
from common.errors import DataError

LEDGER_FILE = "intake.json"
INTAKE_VERSION = 1
"""To be raised when the same files would give another image or mask."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OutputFile(_Model):
    """A file an import wrote, relative to the site folder."""

    name: Annotated[str, Field(pattern=r"^images/P[0-9a-f]{16}_(ct|mask)\.nii\.gz$")]
    size: int
    sha256: Sha256

    def is_there(self, folder: Path) -> bool:
        """Whether the file is there in its size."""
        path = folder / self.name
        return path.is_file() and path.stat().st_size == self.size


class Imported(_Model):
    """One patient: what it was made from, with which rule, and what was written."""

    fingerprint: Sha256
    """HMAC with the site's key of the fingerprint of the patient's files."""
    roi: str | None
    version: int
    files: tuple[OutputFile, ...]
    acquisition: dict[str, str]


class Ledger(_Model):
    """All imported patients by pseudonym, and the mark of the key that made the pseudonyms."""

    format: Literal[1] = 1
    key_mark: str
    patients: dict[Annotated[str, Field(pattern=f"^{PSEUDONYM.pattern}$")], Imported] = {}


def read_ledger(path: Path) -> Ledger | None:
    """The ledger of a site, None when there is none; DataError when it is damaged."""
    if not path.exists():
        return None
    try:
        return Ledger.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise DataError(
            f"{path}: is damaged; bring it back from a backup, or remove it: "
            "the next import then converts everybody again, under the same pseudonyms"
        ) from error


def write_ledger(path: Path, ledger: Ledger) -> None:
    """Replace the ledger in one step by a file that only its owner can read."""
    atomic.write_bytes(path, ledger.model_dump_json(indent=1).encode() + b"\n", private=True)
