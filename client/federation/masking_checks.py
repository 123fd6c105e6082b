"""What a site checks of a step of secure aggregation against what it was shown before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from client.federation.masking_identity import check_signatures
from client.federation.masking_keys import opened_shares
from client.federation.masking_state import MaskingState, SiteSitting
from client.site import Site
from common.errors import PeerError
from common.messages import Arrays, Letter, Request
from common.messages.masking import MaskedRequest, MaskingRequest, Participant, Question, question_sha256
from common.secure_aggregation import FEWEST_SITES, threshold
from common.study import Federation

Plain = Callable[[Request, Arrays], Letter]
"""How the site answers a question without masks."""


@dataclass(frozen=True)
class MaskingDesk:
    """A site in secure aggregation: who it is, what the study says, and what it remembers."""

    site: Site
    federation: Federation
    plain: Plain

    @property
    def state(self) -> MaskingState:
        """The files of the site."""
        return MaskingState(self.site)

    def least(self, sitting: SiteSitting) -> int:
        """The fewest sites that a sum of this sitting may be over."""
        share = self.federation.masking_threshold
        return max(FEWEST_SITES, threshold(len(sitting.participants), share=share))


def under_way(desk: MaskingDesk, request: MaskingRequest) -> SiteSitting:
    """The sitting that a step belongs to; PeerError when another one is under way."""
    sitting = desk.state.under_way()
    if sitting is None or sitting.sitting != request.sitting or sitting.study_sha256 != request.study_sha256:
        raise PeerError("a step of another exchange than the one under way at this site; begin the exchange anew")
    return sitting


def check_participants(desk: MaskingDesk, sitting: SiteSitting, participants: Sequence[Participant]) -> None:
    """PeerError unless the sites whose keys the server shows may be those of an exchange of this study."""
    names = [one.site for one in participants]
    if names != sorted(set(names)) or not set(names) <= set(desk.federation.roster):
        raise PeerError("the sites of the exchange are not in order, or not of the study's roster; it is refused")
    threshold(len(names), share=desk.federation.masking_threshold)
    if sitting.own not in participants:
        raise PeerError("the server shows other keys for this site than it made; the exchange is refused")
    keys = [key for one in participants for key in (one.cipher_key, one.mask_key)]
    if len(set(keys)) < len(keys):
        raise PeerError("the server shows one key for two sites; the exchange is refused")
    check_signatures(desk.site, sitting.sitting.circumstances(sitting.study_sha256), tuple(participants))


def with_shares(desk: MaskingDesk, sitting: SiteSitting, request: MaskedRequest) -> SiteSitting:
    """The sitting with the shares of its members; the members stay what they were shown to be first."""
    own = sitting.own.site
    members = tuple(sorted({one.sender for one in request.dealt}))
    if sitting.members not in ((), members):
        raise PeerError("the server shows a second list of members for one exchange; it is refused")
    if own not in members or sitting.own_shares is None or len(members) < desk.least(sitting):
        raise PeerError(
            f"shares of {len(members)} sites came, secure aggregation over {len(sitting.participants)} needs "
            f"{desk.least(sitting)} and this one among them; begin the exchange anew"
        )
    mine = [one for one in request.dealt if one.addressee == own]
    if sorted(one.sender for one in mine) != [site for site in members if site != own]:
        raise PeerError("shares for this site are missing or there twice; the exchange is refused")
    held = opened_shares(sitting, mine) | {own: sitting.own_shares}
    return sitting.model_copy(update={"members": members, "held": held})


def checked_question(sitting: SiteSitting, request: MaskedRequest, arrays: Arrays) -> Question:
    """What is asked; PeerError unless it is what the keys of the sitting were made for."""
    question, known = request.asked(), sitting.sitting
    told = (question.study_sha256, question.phase, getattr(question, "round", -1), getattr(question, "run", known.run))
    if told != (sitting.study_sha256, known.question_phase, known.round, known.run):
        raise PeerError("the masked question is of another study, phase, round or run than its keys; it is refused")
    if question_sha256(question, arrays) != known.question_sha256:
        raise PeerError("the masked question is another than its keys were made for; it is refused")
    return question
