"""What a site checks of a step of secure aggregation against what it was shown before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from client.federation.masking_identity import check_signatures
from client.federation.masking_keys import opened_shares
from client.federation.masking_state import MaskingState, SiteSitting
from client.site import Site
from common.errors import DataError, PeerError
from common.messages import (
    Arrays,
    CorrelationReply,
    Letter,
    RanksReply,
    Record,
    Request,
    StatisticsReply,
    TrainingReply,
    TrainingRequest,
)
from common.messages.masking import MaskedRequest, MaskingRequest, Participant, Question, question_sha256
from common.secure_aggregation import FEWEST_SITES, threshold
from common.study import Federation

Plain = Callable[[Request, Arrays], Letter]
"""How the site answers a question without masks."""
MOST_PATIENTS = 100_000
"""Training patients that a site may have on average."""


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


def with_secrets(sitting: SiteSitting) -> SiteSitting:
    """The sitting; PeerError when it is over at this site, whose secrets are gone."""
    if sitting.told is not None:
        raise PeerError("a step of an exchange that is over at this site; begin the exchange anew")
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
    if question_sha256(question, arrays, patients=request.patients) != known.question_sha256:
        raise PeerError("the masked question is another than its keys were made for; it is refused")
    return question


def check_patients(request: MaskedRequest, reply: Record, *, sites: int) -> None:
    """PeerError for a number of all training patients that so many sites with this one cannot have.

    One too large would round the changes of small sites away and leave those of a large one.
    """
    if not isinstance(reply, TrainingReply):
        return
    if not reply.patients + sites - 1 <= request.patients <= sites * MOST_PATIENTS:
        raise PeerError(
            f"the server counts {request.patients} training patients over all sites, which {sites} sites with this one "
            "cannot have; the exchange is refused"
        )


def check_whole(letter: Letter, question: Question) -> None:
    """DataError when a whole part of an answer is withheld: with zeros in it the sum could be one other site's part."""
    withheld = getattr(letter.record, "withheld", ())
    match letter.record, question:
        case StatisticsReply() as statistics, _:
            missing = not (any(statistics.radiomics.n) and any(statistics.clinical.n))
        case RanksReply() as ranks, _:
            missing = not any((*ranks.ranks.n_positive, *ranks.ranks.n_negative))
        case CorrelationReply() as correlation, _:
            missing = correlation.products is None
        case TrainingReply() as training, TrainingRequest() as asked:
            missing = asked.validate_weights and training.validation is None
            lossless = training.loss is None and training.epsilon is None
            missing = missing or (asked.epochs > 0 and (lossless or not letter.arrays))
        case _:
            missing = True
    if missing:
        raise DataError(
            f"a whole part of the {question.kind} answer is withheld here ({'; '.join(withheld)}), and a "
            "sum with zeros for it could be one other site's part; this site is left out of the sum"
        )
