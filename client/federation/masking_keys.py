"""The site's secrets of one sitting at work: shares dealt and opened, masks put on, lists of sites confirmed."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence

from client.federation.masking_state import HeldShares, SiteSitting
from common.errors import PeerError
from common.messages.masking import Confirmation, Dealt
from common.secure_aggregation import (
    Circumstances,
    Vector,
    add,
    agreed_key,
    derived_key,
    mask,
    open_sealed,
    seal,
    split_secret,
    subtract,
)
from common.secure_aggregation.sharing import SECRET_BYTES


def circumstances_of(sitting: SiteSitting) -> Circumstances:
    """What the keys of a sitting are bound to."""
    return sitting.sitting.circumstances(sitting.study_sha256)


def deal(sitting: SiteSitting, *, threshold: int) -> tuple[HeldShares, tuple[Dealt, ...]]:
    """Shares of this site's two secrets: its own, and those sealed for each other participant."""
    sites, own = [one.site for one in sitting.participants], sitting.own.site
    seeds, keys = (
        split_secret(bytes.fromhex(secret), threshold=threshold, sites=len(sites))
        for secret in (sitting.seed, sitting.mask_private)
    )
    place = sites.index(own)
    mine = HeldShares(seed=seeds[place].hex(), key=keys[place].hex())
    others = [at for at in range(len(sites)) if at != place]
    return mine, tuple(_dealt(sitting, sites[at], seeds[at], keys[at]) for at in others)


def _dealt(sitting: SiteSitting, addressee: str, seed: bytes, key: bytes) -> Dealt:
    sender = sitting.own.site
    sealed = seal(_share_key(sitting, addressee, sender, addressee), seed + key, about=_list_bytes(sitting))
    return Dealt(
        sender=sender,
        addressee=addressee,
        sealed=sealed.hex(),
        seed_share_sha256=hashlib.sha256(seed).hexdigest(),
        key_share_sha256=hashlib.sha256(key).hexdigest(),
    )


def opened_shares(sitting: SiteSitting, dealt: Sequence[Dealt]) -> dict[str, HeldShares]:
    """The shares sealed for this site, by sender.

    PeerError for one that was altered, is not what its hashes say, or whose sender was shown other participants.
    """
    held = {}
    for one in dealt:
        key = _share_key(sitting, one.sender, one.sender, one.addressee)
        text = open_sealed(key, bytes.fromhex(one.sealed), about=_list_bytes(sitting))
        seed, private = text[:SECRET_BYTES], text[SECRET_BYTES:]
        told = (one.seed_share_sha256, one.key_share_sha256)
        if len(private) != SECRET_BYTES or told != tuple(hashlib.sha256(part).hexdigest() for part in (seed, private)):
            raise PeerError(f"the shares of {one.sender} are not what it announced; the exchange is refused")
        held[one.sender] = HeldShares(seed=seed.hex(), key=private.hex())
    return held


def masked(sitting: SiteSitting, vector: Vector) -> Vector:
    """A vector under this site's own mask and the masks that it has in common with each other member."""
    circumstances, own = circumstances_of(sitting), sitting.own.site
    hidden = add(vector, mask(derived_key(bytes.fromhex(sitting.seed), circumstances.label("self", own)), vector))
    for other in sorted(set(sitting.members) - {own}):
        label = circumstances.label("pair", *sorted((own, other)))
        shared = mask(agreed_key(bytes.fromhex(sitting.mask_private), _public(sitting, other)[1], label), vector)
        hidden = add(hidden, shared) if own < other else subtract(hidden, shared)
    return hidden


def confirmation_code(sitting: SiteSitting, sender: str, addressee: str) -> str:
    """What the sender says to the addressee of the members and of the list that it confirmed; both can compute it."""
    other = addressee if sender == sitting.own.site else sender
    label = circumstances_of(sitting).label("confirm", sender, addressee)
    key = agreed_key(bytes.fromhex(sitting.cipher_private), _public(sitting, other)[0], label)
    text = json.dumps([_list_bytes(sitting).hex(), sitting.members, sitting.confirmed]).encode()
    return hmac.new(key, text, hashlib.sha256).hexdigest()


def confirmed_by(sitting: SiteSitting, confirmations: Sequence[Confirmation]) -> set[str]:
    """The other sites that confirm to this one the list that it confirmed itself; PeerError for any other word."""
    own, senders = sitting.own.site, set()
    for one in confirmations:
        if one.addressee == own and one.sender in sitting.confirmed and one.sender != own:
            if not hmac.compare_digest(one.code, confirmation_code(sitting, one.sender, own)):
                raise PeerError(
                    f"{one.sender} was shown another list of sites than this one; the exchange is refused, begin anew"
                )
            senders.add(one.sender)
    return senders


def _share_key(sitting: SiteSitting, other: str, sender: str, addressee: str) -> bytes:
    label = circumstances_of(sitting).label("shares", sender, addressee)
    return agreed_key(bytes.fromhex(sitting.cipher_private), _public(sitting, other)[0], label)


def _public(sitting: SiteSitting, site: str) -> tuple[bytes, bytes]:
    found = next((one for one in sitting.participants if one.site == site), None)
    if found is None:
        raise PeerError(f"{site[:31]} is none of the sites of this exchange")
    return bytes.fromhex(found.cipher_key), bytes.fromhex(found.mask_key)


def _list_bytes(sitting: SiteSitting) -> bytes:
    """Hash of the participants with their keys, as this site was shown them."""
    return hashlib.sha256(json.dumps([one.model_dump() for one in sitting.participants]).encode()).digest()
