"""The arithmetic and the keys of secure aggregation, against vectors of their standards and by properties."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import DataError, PeerError
from common.pooling import CoMoments, Moments, co_moments, merge, merge_co_moments, moments, rank_sums, van_elteren
from common.secure_aggregation import (
    CHANGE_BITS,
    LARGEST_CHANGE,
    STATISTICS,
    SUMS,
    Circumstances,
    KeyPair,
    Ring,
    Vector,
    add,
    agreed_key,
    combine_shares,
    decode_changes,
    derived_key,
    encode_changes,
    mask,
    new_key_pair,
    open_sealed,
    seal,
    split_secret,
    subtract,
    threshold,
)
from common.secure_aggregation.selection_sums import correlation_numbers, pooled_co_moments, pooled_p, rank_numbers
from common.secure_aggregation.statistics_sums import pooled_moments, statistics_numbers

ABOUT = Circumstances("a" * 64, "0" * 32, "1" * 32, "b" * 64, "training", 3)
FINITE = st.floats(min_value=-1e30, max_value=1e30)


def multiplied(one: int, other: int) -> int:
    """A product in GF(2^128) with x^128 + x^7 + x^2 + x + 1, bit by bit."""
    product = 0
    for place in range(128):
        if other >> place & 1:
            product ^= one << place
    for place in range(product.bit_length() - 1, 127, -1):
        if product >> place & 1:
            product ^= ((1 << 128) | 0x87) << (place - 128)
    return product


def interpolated(points: dict[int, int]) -> int:
    """The value at 0 of the polynomial through the points, by Lagrange's formula in GF(2^128)."""
    total = 0
    for place, value in points.items():
        for other in set(points) - {place}:
            inverse = 1
            for _ in range(127):  # to the power 2^128 - 2
                inverse = multiplied(multiplied(inverse, inverse), place ^ other)
            value = multiplied(value, multiplied(other, multiplied(inverse, inverse)))
        total ^= value
    return total


def test_shares_lie_on_a_polynomial_of_the_field_of_the_standard_form() -> None:
    secret = bytes(range(32))
    shares = split_secret(secret, threshold=3, sites=5)
    chosen = {place: int.from_bytes(shares[place - 1][:16], "big") for place in (1, 3, 5)}
    assert interpolated(chosen).to_bytes(16, "big") == secret[:16]


@given(st.binary(min_size=32, max_size=32), st.integers(3, 8), st.data())
@settings(max_examples=25, deadline=None)
def test_a_threshold_of_shares_gives_the_secret_and_fewer_do_not(
    secret: bytes, sites: int, data: st.DataObject
) -> None:
    needed = threshold(sites, share=0.6)
    shares = dict(enumerate(split_secret(secret, threshold=needed, sites=sites), start=1))
    places = data.draw(st.lists(st.sampled_from(sorted(shares)), min_size=needed, max_size=needed, unique=True))
    assert combine_shares({place: shares[place] for place in places}) == secret
    assert combine_shares({place: shares[place] for place in places[1:]}) != secret


def test_a_short_share_is_refused() -> None:
    with pytest.raises(PeerError, match="32 bytes"):
        combine_shares({1: b"a" * 32, 2: b"a" * 31})


def test_keys_are_those_of_the_standards() -> None:
    # RFC 7748, 6.1: Bob's key pair, and what he and Alice agree on
    bob = KeyPair.of(bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"))
    assert bob.public.hex() == "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
    alice = bytes.fromhex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
    agreed = bytes.fromhex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")
    assert agreed_key(bob.private, alice, b"label") == derived_key(agreed, b"label")
    # RFC 5869, A.3: no salt, no info
    derived = derived_key(b"\x0b" * 22, b"")
    assert derived.hex() == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
    # RFC 8439, A.1, test vector 1
    stream = mask(bytes(32), Vector(np.zeros(8, dtype=np.uint32), (), SUMS)).changes.tobytes()
    assert stream.hex() == "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"


def test_two_sites_agree_on_a_key_of_one_purpose_and_exchange() -> None:
    one, other = new_key_pair(), new_key_pair()
    label = ABOUT.label("pair", "site-1", "site-2")
    key = agreed_key(one.private, other.public, label)
    assert key == agreed_key(other.private, one.public, label)
    others = [
        ABOUT.label("pair", "site-1", "site-3"),
        ABOUT.label("shares", "site-1", "site-2"),
        *(
            replace(ABOUT, **change).label("pair", "site-1", "site-2")
            for change in ({"round": 4}, {"phase": "selection"}, {"run": "2" * 32}, {"session": "2" * 32})
        ),
    ]
    assert len({key, *(agreed_key(one.private, other.public, label) for label in others)}) == 7


def test_a_key_that_agrees_with_everybody_is_refused() -> None:
    with pytest.raises(PeerError, match="no X25519 key"):
        agreed_key(new_key_pair().private, bytes(32), b"label")


@pytest.mark.parametrize("place", [0, 11, 12, 40, -1])
def test_a_share_altered_on_its_way_is_refused(place: int) -> None:
    key, text = bytes(32), bytes(range(64))
    sealed = seal(key, text, about=b"list")
    assert open_sealed(key, sealed, about=b"list") == text
    altered = bytearray(sealed)
    altered[place] ^= 1
    for wrong, about in ((bytes(altered), b"list"), (sealed, b"another list"), (b"", b"list")):
        with pytest.raises(PeerError, match="altered on its way"):
            open_sealed(key, wrong, about=about)


@pytest.mark.parametrize(("sites", "needed"), [(3, 2), (4, 3), (5, 3), (8, 5), (64, 39)])
def test_more_than_half_of_the_sites_must_stay(sites: int, needed: int) -> None:
    assert threshold(sites, share=0.6) == needed
    assert threshold(sites, share=0.5001) > sites / 2
    assert threshold(sites, share=1.0) == sites


@pytest.mark.parametrize("sites", [0, 1, 2])
def test_fewer_than_three_sites_are_refused(sites: int) -> None:
    with pytest.raises(PeerError, match="fewer than 3"):
        threshold(sites, share=0.6)


@given(st.lists(st.lists(FINITE, min_size=3, max_size=3), min_size=3, max_size=8), st.sampled_from([SUMS, STATISTICS]))
@settings(deadline=None)
def test_sums_in_a_ring_are_exact(sites: list[list[float]], ring: Ring) -> None:
    encoded = [Vector(np.zeros(0, np.uint32), tuple(ring.encode(values, what="values")), ring) for values in sites]
    total = encoded[0]
    for vector in encoded[1:]:
        total = add(total, vector)
    step = Fraction(1, 1 << ring.fraction)
    for found, values in zip(ring.decode(total.numbers), zip(*sites, strict=True), strict=True):
        assert found == sum(round(Fraction(value) / step) * step for value in values)


@given(st.lists(st.integers(0, 2**512 - 1), max_size=5))
def test_words_are_the_numbers(numbers: list[int]) -> None:
    assert STATISTICS.from_words(STATISTICS.to_words(numbers)) == numbers


@pytest.mark.parametrize("ring", [SUMS, STATISTICS])
def test_what_no_ring_holds_is_refused_and_never_wrapped(ring: Ring) -> None:
    largest = float(ring.largest)
    below = float(np.nextafter(largest, 0))
    assert ring.decode(ring.encode([below, -below], what="a loss")) == [Fraction(below), Fraction(-below)]
    for value in (largest, -largest, 1e300):
        with pytest.raises(DataError, match=r"a loss: a value of about 2\^\d+, secure aggregation takes values below"):
            ring.encode([value], what="a loss")


@given(st.lists(st.floats(-3.9, 3.9), min_size=3, max_size=8), st.data())
def test_changes_by_share_are_summed_on_their_grid(values: list[float], data: st.DataObject) -> None:
    patients = np.array(data.draw(st.lists(st.integers(1, 500), min_size=len(values), max_size=len(values))))
    shares = patients / patients.sum()
    parts = [encode_changes(np.array([value]), share=share) for value, share in zip(values, shares, strict=True)]
    with np.errstate(over="ignore"):
        total = np.sum(parts, axis=0, dtype=np.uint32)
    assert abs(decode_changes(total)[0] - shares @ values) <= len(values) * 2.0 ** -(CHANGE_BITS + 1)


@pytest.mark.parametrize("value", [LARGEST_CHANGE, -1e9, np.inf, np.nan])
def test_a_weight_that_moves_too_far_is_refused(value: float) -> None:
    with pytest.raises(DataError, match="a weight moved by"):
        encode_changes(np.array([0.0, value]), share=0.5)


def test_a_mask_comes_off_again() -> None:
    vector = Vector(np.arange(5, dtype=np.uint32), tuple(SUMS.encode([-1.5, 2.0], what="values")), SUMS)
    hidden = add(vector, mask(b"k" * 32, vector))
    assert not (hidden.changes == vector.changes).any()
    back = subtract(hidden, mask(b"k" * 32, vector))
    assert back.numbers == vector.numbers
    assert np.array_equal(back.changes, vector.changes)


def tables(random: np.random.Generator) -> list[np.ndarray]:
    """Three sites' features: small, large beside their spread, constant, tiny, huge, partly missing."""
    found = []
    for size in (31, 18, 44):
        table = random.normal(size=(size, 7)) * [1, 1, 0, 1e-12, 1e25, 1, 1] + [0.3, 1e8, 7.1, 1e-12, 0, 5, 1e-3]
        table[random.random(table.shape) < 0.05] = np.nan
        found.append(table)
    found[1][:, 6] = np.nan
    return found


def summed(parts: list[list[int]], ring: Ring) -> list[int]:
    return [sum(column) % (1 << ring.bits) for column in zip(*parts, strict=True)]


def test_moments_from_sums_are_those_of_the_sites_merged() -> None:
    parts: list[Moments] = [moments(table) for table in tables(np.random.default_rng(1))]
    found = pooled_moments(summed([statistics_numbers(part, what="features") for part in parts], STATISTICS))
    plain = merge(parts)
    np.testing.assert_array_equal(found.n, plain.n)
    np.testing.assert_allclose(found.scaling().mean, plain.scaling().mean, rtol=1e-12)
    np.testing.assert_allclose(found.scaling().deviation, plain.scaling().deviation, rtol=1e-9)
    assert found.scaling().deviation[2] == 1.0, "a constant column has no spread"


def test_p_from_sums_is_van_elterens() -> None:
    random = np.random.default_rng(2)
    parts = [rank_sums(random.normal(size=(n, 6)).round(1), np.arange(n) % 2) for n in (20, 31, 44)]
    found = pooled_p(summed([rank_numbers(part) for part in parts], SUMS), largest_site=44)
    np.testing.assert_allclose(found, van_elteren(parts), rtol=1e-12)


def test_correlations_from_sums_are_those_of_the_sites_merged() -> None:
    random = np.random.default_rng(3)
    mixed = random.normal(size=(4, 4))
    parts: list[CoMoments] = [co_moments(random.normal(size=(n, 4)) @ mixed) for n in (40, 55, 80)]
    numbers = summed([correlation_numbers(part) for part in parts], SUMS)
    found, plain = pooled_co_moments(numbers, columns=4), merge_co_moments(parts)
    assert found.n == plain.n
    np.testing.assert_allclose(found.correlation(), plain.correlation(), rtol=1e-9)
