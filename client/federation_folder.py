"""What a site keeps of its federation: the key, the server's CA, the study, the logs."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from common.errors import DataError
from common.site_kit import CA_FILE, STUDY_FILE, SiteKit, read_site_kit
from common.study import study_sha256

FOLDER = "federation"


class FederationFolder:
    """The paths inside a site's `federation/`."""

    def __init__(self, site_folder: Path) -> None:
        self.site = site_folder.absolute()
        folder = self.folder = self.site / FOLDER
        self.key = folder / "site.key"
        self.ca_certificate = folder / CA_FILE
        self.study = folder / STUDY_FILE
        # not *.pub, which are the keys that a site hands over
        self.signer = folder / "signer.pem"
        self.secret = folder / "superexec.secret"
        self.home = folder / "flwr"
        self.work = folder / "work"
        self.run = folder / "run"
        self.log = folder / "log"

    def public_key(self, name: str) -> Path:
        """The public key that the coordinator gets."""
        return self.folder / f"{name}.pub"


def load_federation(site_folder: Path) -> tuple[FederationFolder, SiteKit]:
    """An enrolled site's folder and kit; DataError when it is not enrolled or the study was changed since."""
    folder = FederationFolder(site_folder)
    if not folder.key.is_file():
        raise DataError(
            f"{site_folder}: is not enrolled, {folder.key} is missing; run: pdl1es-site enroll {site_folder} --kit KIT"
        )
    kit = read_site_kit(folder.folder)
    check_study(folder.study, kit)
    if folder.key.stat().st_mode & 0o077:
        raise DataError(f"{folder.key}: others can read this key; run: chmod 600 {folder.key}")
    return folder, kit


def check_study(path: Path, kit: SiteKit) -> None:
    """DataError unless the study's file is the one that the kit names."""
    if not path.is_file():
        raise DataError(f"{path}: is missing; ask the coordinator for the kit again")
    if (found := study_sha256(path)) != kit.study_sha256:
        raise DataError(
            f"{path}: has SHA-256 {found[:12]}, the kit is for {kit.study_sha256[:12]}; a study is never edited, "
            "ask the coordinator for the kit again"
        )


def fingerprint(public_key: bytes) -> str:
    """A public key's fingerprint as `ssh-keygen -lf` prints it."""
    digest = hashlib.sha256(base64.b64decode(public_key.split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
