"""One question asked under masks: keys, shares, masked answers, the confirmed list, and what uncovers the sum."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from common.errors import PeerError
from common.messages import Arrays, Letter
from common.messages.masking import (
    ConfirmReply,
    ConfirmRequest,
    KeysReply,
    KeysRequest,
    MaskedReply,
    MaskedRequest,
    MaskingReply,
    Question,
    SharesReply,
    SharesRequest,
    Sitting,
    UncoverReply,
    UncoverRequest,
    question_sha256,
)
from common.secure_aggregation import FEWEST_SITES, Ring, Vector, threshold
from server.exchange import Answered
from server.secure_aggregation.steps import Steps
from server.secure_aggregation.uncover import Announced, check_revealed, uncovered
from server.study_run import StudyRun

Answer = TypeVar("Answer", bound=MaskingReply)
Size = Callable[[MaskedReply], tuple[int, int]]
"""How many changes and numbers an answer must have."""


@dataclass(frozen=True)
class Summed:
    """The sum over sites, which sites these are, and the feature names on which they agree."""

    vector: Vector
    sites: tuple[str, ...]
    names: tuple[str, ...]


def masked_sum(
    run: StudyRun,
    question: Question,
    ring: Ring,
    *,
    size: Size,
    arrays: Arrays | None = None,
    patients: int = 0,
    about: dict[str, Any] | None = None,
) -> Summed:
    """The sum of the sites' answers to a question; PeerError when fewer than the quorum or the threshold stay.

    `patients` are all training patients, for weights. Nothing of a sitting is kept: one that ends early is begun anew,
    with other keys.
    """
    arrays = arrays or {}
    steps = Steps(run, _new_sitting(run, question, arrays, patients=patients))
    announced, needed = _announce(steps)
    asked = _MaskedQuestion(question, arrays, patients, ring, size)
    answered = _masked(steps, announced, asked, quorum=max(needed, run.federation.quorum))
    names = _one_list_of_names(answered)
    vectors = {
        site: Vector(came["changes"], tuple(ring.from_words(came["numbers"])), ring)
        for site, (_, came) in answered.answers.items()
    }
    replies = _revealed(steps, announced, sorted(vectors), needed)
    total = uncovered(announced, vectors, replies, threshold=needed)
    run.record(question, steps.together(answered), about or {})
    return Summed(total, tuple(sorted(vectors)), names)


@dataclass(frozen=True)
class _MaskedQuestion:
    """What is asked, with the arrays that go with it."""

    question: Question
    arrays: Arrays
    patients: int
    ring: Ring
    size: Size

    def letter(self, steps: Steps, announced: Announced) -> Letter:
        dealt = tuple(one for site in announced.members for one in announced.shares[site].dealt)
        request = MaskedRequest(
            **steps.known(),
            dealt=dealt,
            question_kind=self.question.kind,
            question=self.question.model_dump_json(),
            patients=self.patients,
        )
        return Letter(request, self.arrays)


def _new_sitting(run: StudyRun, question: Question, arrays: Arrays, *, patients: int) -> Sitting:
    return Sitting(
        run=run.facts["run"],
        session=secrets.token_hex(16),
        question_sha256=question_sha256(question, arrays, patients=patients),
        question_phase=question.phase,
        round=getattr(question, "round", -1),
    )


def _announce(steps: Steps) -> tuple[Announced, int]:
    """Public keys, then shares; and how many sites must stay from here on."""
    federation = steps.run.federation

    def own(reply: KeysReply, _: Arrays) -> None:
        if reply.participant.site != reply.site:
            raise PeerError("the keys are another site's")

    begun = steps.ask(
        Letter(KeysRequest(**steps.known())),
        KeysReply,
        sites=steps.run.taking_part(),
        quorum=max(FEWEST_SITES, federation.quorum),
        check=own,
    )
    participants = tuple(reply.participant for reply in begun.records().values())
    needed = threshold(len(participants), share=federation.masking_threshold)
    names = {one.site for one in participants}

    def for_all(reply: SharesReply, _: Arrays) -> None:
        senders, addressees = {one.sender for one in reply.dealt}, [one.addressee for one in reply.dealt]
        if senders != {reply.site} or sorted(addressees) != sorted(names - {reply.site}):
            raise PeerError("its shares are not one for each other site")

    dealt = steps.ask(
        Letter(SharesRequest(**steps.known(), participants=participants)),
        SharesReply,
        sites=names,
        quorum=max(needed, FEWEST_SITES, federation.quorum),
        check=for_all,
    )
    circumstances = steps.sitting.circumstances(steps.run.sha256)
    return Announced(circumstances, participants, dealt.records()), needed


def _masked(steps: Steps, announced: Announced, asked: _MaskedQuestion, *, quorum: int) -> Answered[MaskedReply]:
    words = asked.ring.words

    def fits(reply: MaskedReply, arrays: Arrays) -> None:
        changes, numbers = asked.size(reply)
        wanted = {"changes": changes, "numbers": numbers * words}
        if (came := {name: value.size for name, value in arrays.items()}) != wanted:
            raise PeerError(f"the masked answer has {came} words, {wanted} are expected")

    return steps.ask(
        asked.letter(steps, announced), MaskedReply, sites=set(announced.members), quorum=quorum, check=fits
    )


def _one_list_of_names(answered: Answered[MaskedReply]) -> tuple[str, ...]:
    """The features that all sites name; PeerError when they differ, as their sums would be of different things."""
    records = answered.records()
    names = Counter(reply.names for reply in records.values()).most_common(1)[0][0]
    if differ := sorted(site for site, reply in records.items() if reply.names != names):
        raise PeerError(
            f"statistics: other features come from {', '.join(differ)}; install the same version everywhere"
        )
    return names


def _revealed(steps: Steps, announced: Announced, survivors: list[str], needed: int) -> dict[str, UncoverReply]:
    """What enough sites tell of a list that they have confirmed to each other."""

    def theirs(reply: ConfirmReply, _: Arrays) -> None:
        if any(one.sender != reply.site for one in reply.confirmations):
            raise PeerError("its confirmations are another site's")

    def dealt(reply: UncoverReply, _: Arrays) -> None:
        check_revealed(announced, survivors, reply)

    confirm = Letter(ConfirmRequest(**steps.known(), survivors=tuple(survivors)))
    agreed = steps.ask(confirm, ConfirmReply, sites=set(survivors), quorum=needed, check=theirs)
    codes = tuple(code for reply in agreed.records().values() for code in reply.confirmations)
    uncover = Letter(UncoverRequest(**steps.known(), survivors=tuple(survivors), confirmations=codes))
    told = steps.ask(uncover, UncoverReply, sites=set(agreed.answers), quorum=needed, check=dealt)
    return told.records()
