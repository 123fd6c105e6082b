"""What a site keeps of secure aggregation, on disk before it answers: its secrets of one sitting, and what it told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from client.site import Site
from common import atomic
from common.errors import DataError, PeerError
from common.file_lock import locked
from common.flower_environment import private_folder
from common.messages.masking import Participant, SharesReply, Sitting, UncoverReply

_FOLDER = Path("federation") / "masking"
_SITTING, _UNCOVERED, _LOCK = "sitting.json", "uncovered.json", "lock"


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
    sum_names: tuple[str, ...] = ()
    """Under which this site remembers the sum."""
    told: UncoverReply | None = None
    """What this site told last; nothing of the sitting is secret any more, and a lost answer is given again."""

    def without_secrets(self, told: UncoverReply) -> SiteSitting:
        """The sitting when it is over."""
        gone: dict[str, Any] = {
            "cipher_private": "",
            "mask_private": "",
            "seed": "",
            "own_shares": None,
            "dealt": None,
            "held": {},
        }
        return self.model_copy(update={**gone, "told": told})


class MaskingState:
    """The files, in a folder that only the site's own user can enter; deleting them ends a sitting, not a study."""

    def __init__(self, site: Site) -> None:
        self.folder = site.folder / _FOLDER

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One step at a time, also of other processes: between reading a file and writing it nobody else does."""
        private_folder(self.folder)
        with locked(self.folder / _LOCK):
            yield

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

    def check_uncovered(self, names: tuple[str, ...], survivors: tuple[str, ...]) -> None:
        """PeerError when a sum of one of these names was told over another list: the difference shows single sites."""
        for before in self._told(names):
            if before != list(survivors):
                raise _difference(before, survivors)

    def check_members(self, names: tuple[str, ...], members: tuple[str, ...]) -> None:
        """PeerError when these sites cannot bring a sum over the list over which it was told before."""
        for before in self._told(names):
            if not set(before) <= set(members):
                raise _difference(before, members)

    def note_uncovered(self, names: tuple[str, ...], survivors: tuple[str, ...]) -> None:
        """Remember, before the shares leave, over which sites a sum is told."""
        self._write(_UNCOVERED, json.dumps(self._uncovered() | {name: list(survivors) for name in names}))

    def _told(self, names: tuple[str, ...]) -> list[list[str]]:
        told = self._uncovered()
        return [told[name] for name in names if name in told]

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


def _difference(before: Sequence[str], now: Sequence[str]) -> PeerError:
    return PeerError(
        f"this sum was told over {', '.join(before)} and is asked for over {', '.join(now)}: the difference gives "
        "single sites away; bring the same sites back"
    )
