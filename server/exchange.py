"""One question to the sites of the roster, and their answers: who is waited for, how long, and what is refused."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from flwr.serverapp import Grid

from common.errors import PeerError, SpentError
from common.messages import Arrays, Letter, Reply
from common.study import Federation
from server.inquiry import Inquiry
from server.stored_arrays import clear

Answer = TypeVar("Answer", bound=Reply)
Check = Callable[[Answer, Arrays], None]


@dataclass(frozen=True)
class Answered(Generic[Answer]):
    """What came back: a record and arrays of each site that answered, a reason for each that did not."""

    answers: Mapping[str, tuple[Answer, Arrays]]
    missing: Mapping[str, str]
    unfit: frozenset[str]
    """Those of the missing whose answer came and was refused."""
    remarks: tuple[str, ...]
    bytes_sent: int
    bytes_received: int
    seconds: float

    def records(self) -> dict[str, Answer]:
        """The records by site, in the order of the sites' names."""
        return {site: self.answers[site][0] for site in sorted(self.answers)}


class Exchange:
    """The line to the sites; it remembers who answered last, and waits for those."""

    def __init__(
        self,
        grid: Grid,
        federation: Federation,
        *,
        poll_seconds: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.grid = grid
        self.federation = federation
        self.poll_seconds = poll_seconds
        self.clock = clock
        self.sleep = sleep
        self.folder: Path | None = None
        """Where arrays of answers wait; in memory until `store_in` names one."""
        self.expected = set(federation.roster)
        """Sites that are waited for even while they are not connected."""
        self.silent: set[str] = set()
        """Sites that were connected and let a deadline pass; they are asked, and waited for only while others are."""

    def store_in(self, folder: Path) -> None:
        """Keep arrays of answers in a folder, which is emptied, so that memory does not grow with the sites."""
        clear(folder)
        self.folder = folder

    def connected(self) -> dict[str, int]:
        """Node ids of the roster's sites that are connected; nodes of other names get nothing."""
        return {node.name: node.node_id for node in self.grid.get_nodes() if node.name in self.federation.roster}

    def ask(
        self,
        letter: Letter,
        expecting: type[Answer],
        *,
        check: Check[Answer] | None = None,
        sites: set[str] | None = None,
        quorum: int | None = None,
    ) -> Answered[Answer]:
        """Ask all sites of the roster, or those given, until all that are waited for have answered.

        After the deadline the quorum suffices; without it the grace is waited for too. `check` raises PeerError for an
        answer that does not fit, which then is missing. PeerError when fewer than the quorum answered.
        """
        needed = self.federation.quorum if quorum is None else quorum
        inquiry = Inquiry(
            letter,
            expecting,
            check,
            clock=self.clock,
            update_format=self.federation.update_format,
            folder=self.folder,
        )
        start = self.clock()
        asked = set(self.federation.roster if sites is None else sites)
        while True:
            online = {site: node for site, node in self.connected().items() if site in asked}
            inquiry.send(self.grid, online)
            moved = inquiry.receive(self.grid)
            if self._over(inquiry, asked, set(online), needed, self.clock() - start):
                break
            if not moved:
                self.sleep(self.poll_seconds)
        inquiry.close(asked, set(online), self.federation.deadline_seconds)
        self.expected = (self.expected - asked) | set(inquiry.answers)
        self.silent = (self.silent - asked) | inquiry.silent(set(online))
        if len(inquiry.answers) < needed:
            kind = SpentError if inquiry.spent else PeerError
            raise kind(_below_quorum(inquiry, letter, needed))
        return _answered(inquiry, self.clock() - start)

    def _over(self, inquiry: Inquiry[Answer], asked: set[str], online: set[str], needed: int, seconds: float) -> bool:
        open_sites, answered = asked - set(inquiry.answers) - set(inquiry.missing), len(inquiry.answers)
        if not open_sites or answered + len(open_sites) < needed:
            return True
        waited_for = open_sites & ((online - self.silent) | self.expected)
        if answered >= needed and (seconds >= self.federation.deadline_seconds or not waited_for):
            return True
        return seconds >= self.federation.deadline_seconds + self.federation.grace_seconds


def _answered(inquiry: Inquiry[Answer], seconds: float) -> Answered[Answer]:
    return Answered(
        answers=dict(inquiry.answers),
        missing=dict(sorted(inquiry.missing.items())),
        unfit=frozenset(inquiry.unfit),
        remarks=tuple(inquiry.remarks),
        bytes_sent=inquiry.bytes_sent,
        bytes_received=inquiry.bytes_received,
        seconds=seconds,
    )


def _below_quorum(inquiry: Inquiry[Answer], letter: Letter, needed: int) -> str:
    reasons = "; ".join(f"{site}: {reason}" for site, reason in sorted(inquiry.missing.items()))
    return (
        f"{letter.record.phase}: {len(inquiry.answers)} site(s) answered, the quorum is {needed} ({reasons}); "
        "bring the sites back and run again with --resume"
    )
