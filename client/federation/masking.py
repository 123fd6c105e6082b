"""The site's side of secure aggregation: five answers, each checked against what this site was shown before.

Bonawitz et al. 2017, doi:10.1145/3133956.3133982, with the check that all sites confirm the same list.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any

from client.federation.masked_vector import vector_of
from client.federation.masking_checks import (
    MaskingDesk,
    check_participants,
    check_patients,
    check_whole,
    checked_question,
    under_way,
    with_secrets,
    with_shares,
)
from client.federation.masking_identity import signature_of
from client.federation.masking_keys import confirmation_code, confirmed_by, deal, masked
from client.federation.masking_state import SiteSitting
from client.federation.masking_sums import sum_names
from client.site import Site
from common.errors import PeerError
from common.messages import Arrays, Letter, StatisticsReply
from common.messages.masking import (
    Confirmation,
    ConfirmReply,
    ConfirmRequest,
    KeysReply,
    KeysRequest,
    MaskedReply,
    MaskedRequest,
    MaskingRequest,
    Participant,
    Revealed,
    SharesReply,
    SharesRequest,
    UncoverReply,
    UncoverRequest,
)
from common.secure_aggregation import Vector, new_key_pair, threshold


def answer_masked(desk: MaskingDesk, request: MaskingRequest, arrays: Arrays) -> Letter:
    """The answer to a step of secure aggregation; PeerError for a step that does not fit the ones before."""
    if isinstance(request, MaskedRequest):
        return _masked(desk, request, arrays)
    # questions are answered side by side: what is read here must still hold when it is written
    with desk.state.locked():
        match request:
            case KeysRequest():
                return Letter(_keys(desk, request))
            case SharesRequest():
                return Letter(_shares(desk, request))
            case ConfirmRequest():
                return Letter(_confirm(desk, request))
            case UncoverRequest():
                return Letter(_uncover(desk, request))
            case _:
                raise PeerError(f"a request of the kind {request.kind} is no step of secure aggregation")


def _keys(desk: MaskingDesk, request: KeysRequest) -> KeysReply:
    before = desk.state.under_way()
    if before is None or before.sitting != request.sitting or before.study_sha256 != request.study_sha256:
        before = _new_sitting(desk.site, request)
        desk.state.keep(before)
    return KeysReply(**_known(before), participant=before.own)


def _new_sitting(site: Site, request: KeysRequest) -> SiteSitting:
    cipher, masks = new_key_pair(), new_key_pair()
    public = {"cipher_key": cipher.public.hex(), "mask_key": masks.public.hex()}
    signature = signature_of(site, request.sitting.circumstances(request.study_sha256), **public)
    return SiteSitting(
        study_sha256=request.study_sha256,
        sitting=request.sitting,
        cipher_private=cipher.private.hex(),
        mask_private=masks.private.hex(),
        own=Participant(site=site.name, signature=signature, **public),
    )


def _shares(desk: MaskingDesk, request: SharesRequest) -> SharesReply:
    sitting = with_secrets(under_way(desk, request))
    if sitting.dealt is not None:
        if sitting.participants != request.participants:
            raise PeerError("the server shows a second list of sites for one exchange; it is refused")
        return sitting.dealt
    check_participants(desk, sitting, request.participants)
    sitting = sitting.model_copy(update={"participants": request.participants, "seed": os.urandom(32).hex()})
    needed = threshold(len(request.participants), share=desk.federation.masking_threshold)
    own_shares, dealt = deal(sitting, threshold=needed)
    hashes = (hashlib.sha256(bytes.fromhex(secret)).hexdigest() for secret in (sitting.seed, own_shares.seed))
    seed_sha256, own_share_sha256 = hashes
    reply = SharesReply(**_known(sitting), dealt=dealt, seed_sha256=seed_sha256, own_share_sha256=own_share_sha256)
    desk.state.keep(sitting.model_copy(update={"own_shares": own_shares, "dealt": reply}))
    return reply


def _masked(desk: MaskingDesk, request: MaskedRequest, arrays: Arrays) -> Letter:
    with desk.state.locked():
        sitting = with_shares(desk, with_secrets(under_way(desk, request)), request)
        question = checked_question(sitting, request, arrays)
        names = sum_names(question, arrays, run=sitting.sitting.run)
        desk.state.check_members(names, sitting.members)
        desk.state.keep(sitting.model_copy(update={"sum_names": names}))
    letter = desk.plain(question, arrays)
    check_whole(letter, question)
    check_patients(request, letter.record, sites=len(sitting.members))
    vector = vector_of(letter, request, arrays)
    hidden = masked(_with_vector(desk, request, vector), vector)
    features = letter.record.radiomic_features if isinstance(letter.record, StatisticsReply) else ()
    withheld = getattr(letter.record, "withheld", ())
    reply = MaskedReply(**_known(sitting), names=features, withheld=withheld)
    return Letter(reply, {"changes": hidden.changes, "numbers": hidden.ring.to_words(hidden.numbers)})


def _with_vector(desk: MaskingDesk, request: MaskedRequest, vector: Vector) -> SiteSitting:
    """The sitting as it is after minutes of computing, its masks now taken by this vector; PeerError by another."""
    digest = _vector_sha256(vector)
    with desk.state.locked():
        sitting = with_secrets(under_way(desk, request))
        if sitting.vector_sha256 not in ("", digest):
            raise PeerError("a second answer to one question would be told by its masks; begin the exchange anew")
        sitting = sitting.model_copy(update={"vector_sha256": digest})
        desk.state.keep(sitting)
    return sitting


def _confirm(desk: MaskingDesk, request: ConfirmRequest) -> ConfirmReply:
    sitting, own = under_way(desk, request), desk.site.name
    survivors = tuple(request.survivors)
    if not sitting.vector_sha256 or survivors != tuple(sorted({*survivors} & {*sitting.members})):
        raise PeerError("the list to confirm is not in order or not of this exchange's sites; it is refused")
    if own not in survivors or len(survivors) < desk.least(sitting):
        raise PeerError(
            f"a sum over {len(survivors)} of {len(sitting.participants)} sites: {desk.least(sitting)} are needed, and "
            "this one among them; the exchange is refused"
        )
    if sitting.confirmed not in ((), survivors):
        raise PeerError("this site confirmed another list; for two lists it would tell both secrets of a site")
    desk.state.check_uncovered(sitting.sum_names, survivors)
    sitting = with_secrets(sitting).model_copy(update={"confirmed": survivors})
    desk.state.keep(sitting)
    codes = tuple(
        Confirmation(sender=own, addressee=other, code=confirmation_code(sitting, own, other))
        for other in survivors
        if other != own
    )
    return ConfirmReply(**_known(sitting), confirmations=codes)


def _uncover(desk: MaskingDesk, request: UncoverRequest) -> UncoverReply:
    sitting = under_way(desk, request)
    if not sitting.confirmed or tuple(request.survivors) != sitting.confirmed:
        raise PeerError("shares are asked for over another list than this site confirmed; it tells none")
    desk.state.check_uncovered(sitting.sum_names, sitting.confirmed)
    if sitting.told is not None:
        return sitting.told
    needed = threshold(len(sitting.participants), share=desk.federation.masking_threshold)
    if (agreeing := 1 + len(confirmed_by(sitting, request.confirmations))) < needed:
        raise PeerError(f"{agreeing} sites confirm the list, {needed} must; begin the exchange anew")
    desk.state.note_uncovered(sitting.sum_names, sitting.confirmed)
    revealed = tuple(
        Revealed(site=site, part="seed", share=held.seed)
        if site in sitting.confirmed
        else Revealed(site=site, part="key", share=held.key)
        for site, held in sorted(sitting.held.items())
    )
    told = UncoverReply(**_known(sitting), revealed=revealed)
    desk.state.keep(sitting.without_secrets(told))
    return told


def _known(sitting: SiteSitting) -> dict[str, Any]:
    return {
        "study_sha256": sitting.study_sha256,
        "site": sitting.own.site,
        "session": sitting.sitting.session,
    }


def _vector_sha256(vector: Vector) -> str:
    digest = hashlib.sha256(vector.changes.tobytes())
    digest.update(vector.ring.to_words(vector.numbers).tobytes())
    return digest.hexdigest()
