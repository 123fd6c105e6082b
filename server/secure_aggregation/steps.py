"""The exchanges of one sitting as one: what they cost, and who dropped out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeVar

from common.errors import PeerError
from common.messages import Arrays, Letter, Reply
from common.messages.masking import MaskedReply, MaskingReply, Sitting
from server.exchange import Answered, Check
from server.study_run import StudyRun

Answer = TypeVar("Answer", bound=MaskingReply)


@dataclass
class Steps:
    """The exchanges of one sitting; it adds up what they cost, and knows who dropped out."""

    run: StudyRun
    sitting: Sitting
    done: list[Answered[Any]] = field(default_factory=list)

    def known(self) -> dict[str, Any]:
        """What every request of the sitting says."""
        return {"study_sha256": self.run.sha256, "sitting": self.sitting}

    def ask(
        self, letter: Letter, expecting: type[Answer], *, sites: set[str], quorum: int, check: Check[Answer]
    ) -> Answered[Answer]:
        """Ask these sites; an answer of another sitting does not count. PeerError below the quorum."""

        def fits(reply: Answer, arrays: Arrays) -> None:
            if reply.session != self.sitting.session:
                raise PeerError("the answer is of another exchange")
            check(reply, arrays)

        answered = self.run.exchange.ask(letter, expecting, check=fits, sites=sites, quorum=quorum)
        self.done.append(answered)
        return answered

    def together(self, last: Answered[MaskedReply]) -> Answered[Reply]:
        """All exchanges as one: those whose answer is in the sum, the others with their reasons."""
        missing = {site: reason for one in self.done for site, reason in one.missing.items()}
        return Answered(
            answers=dict(last.answers),
            missing={site: reason for site, reason in sorted(missing.items()) if site not in last.answers},
            unfit=frozenset().union(*(one.unfit for one in self.done)) - set(last.answers),
            remarks=tuple(remark for one in self.done for remark in one.remarks),
            bytes_sent=sum(one.bytes_sent for one in self.done),
            bytes_received=sum(one.bytes_received for one in self.done),
            seconds=sum(one.seconds for one in self.done),
        )
