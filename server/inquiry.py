"""One question under way: sent to each site once, again where the connection failed, each answer taken once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Generic, TypeVar

from flwr.app import Message
from flwr.serverapp import Grid

from common.errors import PeerError, SpentError
from common.messages import Arrays, Letter, Reply, Request, decode, encode, message_bytes, message_type
from common.update_format import UpdateFormat, unpack
from server.stored_arrays import StoredArrays

Answer = TypeVar("Answer", bound=Reply)
log = logging.getLogger("pdl1es.server")
ATTEMPTS = 5
PAUSE_SECONDS = 5.0
"""Between two attempts to ask a site whose program or connection failed."""
_LOST, _WENT_AWAY = 3, 5
_FAILURES = {2: "its program failed", 3: "its message was lost", 5: "it went away", 8: "its program stopped"}


class Inquiry(Generic[Answer]):
    """Answers so far, reasons of those that will not come, and what was odd."""

    def __init__(
        self,
        letter: Letter,
        expecting: type[Answer],
        check: Callable[[Answer, Arrays], None] | None,
        *,
        clock: Callable[[], float],
        update_format: UpdateFormat,
        folder: Path | None,
    ) -> None:
        if not isinstance(letter.record, Request):
            raise TypeError(f"a {letter.record.kind} record asks nothing")
        self.content, self.request, self.arrays = encode(letter), letter.record, letter.arrays
        self.update_format, self.folder = update_format, folder
        self.expecting, self.check, self.clock = expecting, check, clock
        self.answers: dict[str, tuple[Answer, Arrays]] = {}
        self.missing: dict[str, str] = {}
        self.unfit: set[str] = set()
        """Sites whose answer came and was refused."""
        self.spent: set[str] = set()
        """Sites whose privacy budget for the study is spent."""
        self.remarks: list[str] = []
        self.bytes_sent = self.bytes_received = 0
        self._sites: dict[str, str] = {}
        self._waiting: dict[str, str] = {}
        self._attempts: dict[str, int] = {}
        self._again: dict[str, float] = {}
        self._failure: dict[str, str] = {}

    def send(self, grid: Grid, online: Mapping[str, int]) -> None:
        """Ask every connected site that was not asked yet, or whose turn it is again."""
        now, busy = self.clock(), set(self._waiting.values())
        sites = [
            site
            for site in sorted(online)
            if site not in busy | set(self.answers) | set(self.missing) and self._again.get(site, now) <= now
        ]
        if not sites:
            return
        kind = message_type(type(self.request))
        messages = [Message(self.content, dst_node_id=online[site], message_type=kind) for site in sites]
        numbers: list[str | None] = list(grid.push_messages(messages))
        if len(numbers) < len(sites):
            raise PeerError(
                "Flower's server takes no message of this size; raise its limit, or ask for a smaller network"
            )
        for site, number in zip(sites, numbers, strict=True):
            self._attempts[site] = self._attempts.get(site, 0) + 1
            if number is None:  # the node left since it was listed
                self._failed(site, _WENT_AWAY)
                continue
            self._sites[number] = self._waiting[number] = site
            self.bytes_sent += message_bytes(self.content)

    def receive(self, grid: Grid) -> bool:
        """Take what has come; whether anything has."""
        replies = [reply for number in list(self._waiting) for reply in self._pulled(grid, number)]
        for reply in replies:
            number = reply.metadata.reply_to_message_id
            site, waited_for = self._sites.get(number), self._waiting.pop(number, None)
            if site is None or waited_for is None:
                self.remarks.append(f"{site or 'an unknown node'} answered twice; the first answer counts")
            elif reply.has_error():
                self._failed(site, reply.error.code)
            else:
                self.bytes_received += message_bytes(reply.content)
                self._take(site, reply)
        return bool(replies)

    def _pulled(self, grid: Grid, number: str) -> list[Message]:
        """The reply to a message, if there is one; alone, so that one which breaks Flower's reader has a name."""
        try:
            return list(grid.pull_messages([number]))
        except Exception:
            site = self._waiting.pop(number)
            log.exception("the answer of %s could not be fetched", site)
            self._failed(site, _LOST)
            return []

    def silent(self, online: set[str]) -> set[str]:
        """Connected sites whose answer has not come, without a failure that would say why."""
        return {site for site in self._waiting.values() if site in online and site not in self._failure}

    def close(self, asked: set[str], online: set[str], deadline_seconds: float) -> None:
        """Give each site that has not answered a reason."""
        for site in sorted(asked - set(self.answers) - set(self.missing)):
            late = f"no answer within {deadline_seconds:g} s" if site in online else "not connected"
            self.missing[site] = self._failure.get(site, late)

    def _failed(self, site: str, code: int) -> None:
        self._failure[site] = f"{_FAILURES.get(code, 'it could not be reached')} (code {code})"
        self._again[site] = self.clock() + PAUSE_SECONDS
        if self._attempts[site] >= ATTEMPTS:
            self.missing[site] = f"{self._failure[site]}, asked {ATTEMPTS} times"

    def _take(self, site: str, reply: Message) -> None:
        try:
            record, arrays = decode(reply.content, self.expecting)
            if record.study_sha256 != self.request.study_sha256:
                raise PeerError("the answer is about another study")
            if record.site != site:
                raise PeerError("the answer is signed with another site's name than its key was admitted for")
            if set(arrays) & record.packed_names:
                arrays = unpack(self.arrays, arrays, self.update_format)
            if self.check is not None:
                self.check(record, arrays)
        except PeerError as error:
            self.missing[site] = _plain(str(error))
            self.unfit.add(site)
            if isinstance(error, SpentError):
                self.spent.add(site)
        except Exception:  # what one site sends must not end the study of the others
            log.exception("the answer of %s could not be used", site)
            self.missing[site] = "its answer cannot be used; the server's log says why"
            self.unfit.add(site)
        else:
            stored = StoredArrays(arrays, self.folder) if arrays and self.folder else arrays
            self.answers[site] = (record, stored)


def _plain(text: str) -> str:
    """A site's words in one line, without what would steer a screen."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
