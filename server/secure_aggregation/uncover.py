"""What the server does with shares: takes the masks off a sum, never off a single vector."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from common.errors import PeerError
from common.messages.masking import Participant, SharesReply, UncoverReply
from common.secure_aggregation import (
    Circumstances,
    KeyPair,
    Vector,
    add,
    agreed_key,
    combine_shares,
    derived_key,
    mask,
    subtract,
)


@dataclass(frozen=True)
class Announced:
    """What the sites of a sitting said of themselves before anything was masked."""

    circumstances: Circumstances
    participants: tuple[Participant, ...]
    shares: Mapping[str, SharesReply]
    """By the site that dealt them; these sites are the members."""

    @property
    def members(self) -> tuple[str, ...]:
        """Sites whose shares came, which share masks."""
        return tuple(sorted(self.shares))

    def place(self, site: str) -> int:
        """The place of a site's shares, from 1."""
        return 1 + [one.site for one in self.participants].index(site)

    def share_sha256(self, dealer: str, keeper: str, part: str) -> str:
        """Hash of a share as its dealer announced it."""
        reply = self.shares[dealer]
        if dealer == keeper:
            return reply.own_share_sha256
        dealt = next(one for one in reply.dealt if one.addressee == keeper)
        return dealt.seed_share_sha256 if part == "seed" else dealt.key_share_sha256


def check_revealed(announced: Announced, survivors: Sequence[str], reply: UncoverReply) -> None:
    """PeerError unless there is one share for every member, of the right secret, as it was dealt."""
    if [one.site for one in reply.revealed] != list(announced.members):
        raise PeerError("its shares are not one for every site of the exchange")
    for one in reply.revealed:
        if one.part != ("seed" if one.site in survivors else "key"):
            raise PeerError(f"its share of {one.site} is of the wrong secret")
        found = hashlib.sha256(bytes.fromhex(one.share)).hexdigest()
        if found != announced.share_sha256(one.site, reply.site, one.part):
            raise PeerError(f"its share of {one.site} is not the one that was dealt")


def uncovered(
    announced: Announced, vectors: Mapping[str, Vector], replies: Mapping[str, UncoverReply], *, threshold: int
) -> Vector:
    """The sum of the vectors without masks: self masks of those whose vectors came, pair masks with those that left."""
    survivors, helpers = sorted(vectors), sorted(replies)[:threshold]
    shares = {site: {one.site: bytes.fromhex(one.share) for one in replies[site].revealed} for site in helpers}
    total = reduce(add, (vectors[site] for site in survivors))
    for member in announced.members:
        secret = combine_shares({announced.place(helper): shares[helper][member] for helper in helpers})
        if member in survivors:
            total = _without_self_mask(announced, member, secret, total)
        else:
            total = _without_pair_masks(announced, member, secret, survivors, total)
    return total


def _without_self_mask(announced: Announced, site: str, seed: bytes, total: Vector) -> Vector:
    if hashlib.sha256(seed).hexdigest() != announced.shares[site].seed_sha256:
        raise PeerError(_not_what_was_announced(site))
    return subtract(total, mask(derived_key(seed, announced.circumstances.label("self", site)), total))


def _without_pair_masks(
    announced: Announced, left: str, private: bytes, survivors: Sequence[str], total: Vector
) -> Vector:
    public = {one.site: bytes.fromhex(one.mask_key) for one in announced.participants}
    if KeyPair.of(private).public != public[left]:
        raise PeerError(_not_what_was_announced(left))
    for site in survivors:
        label = announced.circumstances.label("pair", *sorted((left, site)))
        shared = mask(agreed_key(private, public[site], label), total)
        total = subtract(total, shared) if site < left else add(total, shared)
    return total


def _not_what_was_announced(site: str) -> str:
    return (
        f"the shares that {site} dealt do not give back what it announced, so its masks stay; "
        "find out what it runs and run again with --resume"
    )
