"""Masks as long as what they hide: ChaCha20's stream under a key that serves once, added in the rings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

from common.secure_aggregation.fixed_point import Ring, Words


@dataclass(frozen=True)
class Vector:
    """What is summed: changes of weights modulo 2^32, and whole numbers of a wider ring."""

    changes: Words
    numbers: tuple[int, ...]
    ring: Ring


def mask(key: bytes, like: Vector) -> Vector:
    """The mask of a key, of the size of a vector; a key may be used for one vector only."""
    own, length = like.changes.size, like.changes.size + len(like.numbers) * like.ring.words
    stream = Cipher(ChaCha20(key, bytes(16)), mode=None).encryptor().update(bytes(4 * length))
    words = np.frombuffer(stream, dtype="<u4")
    return Vector(words[:own], tuple(like.ring.from_words(words[own:])), like.ring)


def add(one: Vector, other: Vector) -> Vector:
    """The sum of two vectors of the same size, each number modulo its ring."""
    return _combined(one, other, np.add, lambda first, second: first + second)


def subtract(one: Vector, other: Vector) -> Vector:
    """The difference of two vectors of the same size, each number modulo its ring."""
    return _combined(one, other, np.subtract, lambda first, second: first - second)


def _combined(one: Vector, other: Vector, words: np.ufunc, numbers: Callable[[int, int], int]) -> Vector:
    whole = 1 << one.ring.bits
    pairs = zip(one.numbers, other.numbers, strict=True)
    return Vector(words(one.changes, other.changes), tuple(numbers(*pair) % whole for pair in pairs), one.ring)
