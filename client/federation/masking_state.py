"""What a site keeps of secure aggregation, on disk before it answers: its secrets of one sitting, and what it told."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from client.site import Site
from common import atomic
from common.errors import DataError, PeerError
from common.flower_environment import private_folder
from common.messages.masking import Participant, SharesReply, Sitting

_FOLDER, _SITTING, _UNCOVERED = Path("federation") / "masking", "sitting.json", "uncovered.json"


class HeldShares(BaseModel):
    """The shares that this site keeps of a site's two secrets, in hexadecimal."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: str
    key: str


class SiteSitting(BaseModel):
    """A sitting as far as this site has come in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    study_sha256: str
    sitting: Sitting
    cipher_private: str
    mask_private: str
    own: Participant
    participants: tuple[Participant, ...] = ()
    """All sites whose keys this site was shown; it deals out its shares for no other list."""
    seed: str = ""
    own_shares: HeldShares | None = None
    dealt: SharesReply | None = None
    members: tuple[str, ...] = ()
    """Those whose shares came; masks are agreed on with these."""
    held: dict[str, HeldShares] = {}
    vector_sha256: str = ""
    """Of the vector that was masked; the same masks never hide another one."""
    confirmed: tuple[str, ...] = ()
    """The one list of sites for which this site may tell shares."""


class MaskingState:
    """The files, in a folder that only the site's own user can enter; deleting them ends a sitting, not a study."""

    def __init__(self, site: Site) -> None:
        self.folder = site.folder / _FOLDER

    def keep(self, sitting: SiteSitting) -> None:
        """Write a sitting in one step; the one before is gone with its secrets."""
        self._write(_SITTING, sitting.model_dump_json())

    def under_way(self) -> SiteSitting | None:
        """The last sitting; DataError when the file is damaged."""
        path = self.folder / _SITTING
        if not path.is_file():
            return None
        try:
            return SiteSitting.model_validate_json(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, ValidationError) as error:
            raise DataError(f"{path}: is damaged; delete it, the exchange begins anew with other keys") from error

    def check_uncovered(self, question: str, survivors: tuple[str, ...]) -> None:
        """PeerError when the same question was summed up over another list: the difference would show single sites."""
        before = self._uncovered().get(question)
        if before is not None and before != list(survivors):
            raise PeerError(
                f"this sum was told over {', '.join(before)} and is asked for over {', '.join(survivors)}: the "
                "difference gives single sites away; bring the same sites back"
            )

    def note_uncovered(self, question: str, survivors: tuple[str, ...]) -> None:
        """Remember, before the shares leave, over which sites a question was summed up."""
        self._write(_UNCOVERED, json.dumps(self._uncovered() | {question: list(survivors)}))

    def _uncovered(self) -> dict[str, list[str]]:
        path = self.folder / _UNCOVERED
        if not path.is_file():
            return {}
        try:
            found = json.loads(path.read_text("utf-8"))
            return {str(question): [str(site) for site in sites] for question, sites in found.items()}
        except (OSError, ValueError, AttributeError, TypeError) as error:
            raise DataError(f"{path}: is damaged, so what was told is not known; bring it back from a copy") from error

    def _write(self, name: str, text: str) -> None:
        private_folder(self.folder)
        atomic.write_text(self.folder / name, text)
