"""The records of secure aggregation: public keys, sealed shares, masked sums, and what uncovers their sum alone."""

from __future__ import annotations

import hashlib
from typing import Annotated, ClassVar, Literal

from pydantic import FailFast, Field, ValidationError

from common.errors import PeerError
from common.messages.questions import (
    CorrelationRequest,
    RanksRequest,
    Round,
    RunId,
    StatisticsRequest,
    TrainingRequest,
)
from common.messages.record import Arrays, Count, Part, Reply, Request, Sha256
from common.messages.shared import WEIGHTS, Names
from common.phases import Phase
from common.secure_aggregation import Circumstances
from common.study_errors import explain
from common.study_federation import SiteName

Session = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Bytes32 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Sealed = Annotated[str, Field(pattern=r"^[0-9a-f]{2,1000}$")]
Signature = Annotated[str, Field(pattern=r"^[0-9a-f]{2,300}$")]
Sites = Annotated[tuple[SiteName, ...], Field(max_length=1000), FailFast()]
Question = StatisticsRequest | RanksRequest | CorrelationRequest | TrainingRequest
_QUESTIONS: dict[str, type[Question]] = {
    kind.kind: kind for kind in (StatisticsRequest, RanksRequest, CorrelationRequest, TrainingRequest)
}


class Sitting(Part):
    """One attempt to add up the answers to one question; every key is bound to all of it."""

    run: RunId
    session: Session
    """Random, new in every attempt."""
    question_sha256: Sha256
    question_phase: Phase
    round: Round
    """-1 outside of the training."""

    def circumstances(self, study_sha256: str) -> Circumstances:
        """What keys are derived from."""
        return Circumstances(
            study_sha256, self.run, self.session, self.question_sha256, self.question_phase, self.round
        )


class MaskingRequest(Request):
    """What every step of a sitting says."""

    phase: ClassVar[Phase] = "masking"
    sitting: Sitting


class MaskingReply(Reply):
    """What every answer of a sitting says."""

    phase: ClassVar[Phase] = "masking"
    session: Session


class Participant(Part):
    """A site with its public keys of this sitting."""

    site: SiteName
    cipher_key: Bytes32
    """For shares on their way to this site."""
    mask_key: Bytes32
    """For masks that two sites have in common."""
    signature: Signature | None
    """By the site's own key (ECDSA P-384) where it is enrolled."""


class KeysRequest(MaskingRequest):
    """Begin a sitting: make two key pairs for it."""

    kind: ClassVar[str] = "masking_keys"


class KeysReply(MaskingReply):
    """The public halves."""

    kind: ClassVar[str] = "masking_keys"
    participant: Participant


class SharesRequest(MaskingRequest):
    """Deal out the shares of your secrets to these sites."""

    kind: ClassVar[str] = "masking_shares"
    participants: Annotated[tuple[Participant, ...], Field(max_length=1000), FailFast()]


class Dealt(Part):
    """Two shares that only the addressee can open, and the hashes of what is in it."""

    sender: SiteName
    addressee: SiteName
    sealed: Sealed
    seed_share_sha256: Sha256
    key_share_sha256: Sha256


class SharesReply(MaskingReply):
    """Shares for each other site."""

    kind: ClassVar[str] = "masking_shares"
    dealt: Annotated[tuple[Dealt, ...], Field(max_length=1000), FailFast()]
    seed_sha256: Sha256
    own_share_sha256: Sha256
    """Of the share of its seed that a site keeps itself."""


class MaskedRequest(MaskingRequest):
    """A question of the study whose answer is to be masked; the arrays are the question's."""

    kind: ClassVar[str] = "masked"
    array_names: ClassVar[frozenset[str]] = WEIGHTS
    largest_text: ClassVar[int] = 64 * 2**20
    """All sealed shares of many sites, each site finding its own."""
    dealt: Annotated[tuple[Dealt, ...], Field(max_length=1_000_000), FailFast()]
    question_kind: Annotated[str, Field(pattern=r"^(statistics|ranks|correlation|training)$")]
    question: Annotated[str, Field(max_length=4 * 2**20)]
    """The question's record as JSON."""
    patients: Count
    """Training patients of all sites that take part, the same for each; weights are added up as shares of these."""

    def asked(self) -> Question:
        """The question; PeerError when it is none."""
        kind = _QUESTIONS[self.question_kind]
        try:
            return kind.model_validate_json(self.question)
        except ValidationError as error:
            raise PeerError(f"the masked {kind.__name__} does not fit: {explain(error, kind, most=3)[:200]}") from error


class MaskedReply(MaskingReply):
    """A vector that nobody can tell from random words without the other sites' vectors."""

    kind: ClassVar[str] = "masked"
    array_names: ClassVar[frozenset[str]] = frozenset({"changes", "numbers"})
    array_type: ClassVar[str] = "uint32"
    names: Names
    """Radiomic features, where statistics are asked for."""


class ConfirmRequest(MaskingRequest):
    """Vectors of these sites came; say so to the others."""

    kind: ClassVar[str] = "masking_confirm"
    survivors: Sites


class Confirmation(Part):
    """A site's word to another on the list that it was shown."""

    sender: SiteName
    addressee: SiteName
    code: Bytes32


class ConfirmReply(MaskingReply):
    """The site's word to each of the others."""

    kind: ClassVar[str] = "masking_confirm"
    confirmations: Annotated[tuple[Confirmation, ...], Field(max_length=1000), FailFast()]


class UncoverRequest(MaskingRequest):
    """Shares of the self masks of sites whose vectors came, of the keys of those that dropped out."""

    kind: ClassVar[str] = "masking_uncover"
    survivors: Sites
    confirmations: Annotated[tuple[Confirmation, ...], Field(max_length=1_000_000), FailFast()]


class Revealed(Part):
    """One share of one secret of one site."""

    site: SiteName
    part: Literal["seed", "key"]
    share: Bytes32


class UncoverReply(MaskingReply):
    """For every site of the sitting one share of one of its two secrets."""

    kind: ClassVar[str] = "masking_uncover"
    revealed: Annotated[tuple[Revealed, ...], Field(max_length=1000), FailFast()]


def question_sha256(question: Question, arrays: Arrays, *, patients: int) -> str:
    """Hash of what is asked and of the patients that shares are counted of; sites told different ones share no key."""
    digest = hashlib.sha256(f"{question.kind} {patients}\n{question.model_dump_json()}".encode())
    digest.update(array_bytes(arrays))
    return digest.hexdigest()


def array_bytes(arrays: Arrays) -> bytes:
    """Arrays for a hash, each with its name and size."""
    parts = (
        f"\n{name} {arrays[name].size}\n".encode() + arrays[name].astype("<f4").tobytes() for name in sorted(arrays)
    )
    return b"".join(parts)
