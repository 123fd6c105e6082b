"""Numbers as whole numbers modulo a power of two: sums of them are exact, in any order, and can be masked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from common.errors import DataError

Words = NDArray[np.uint32]
CHANGE_BITS = 28
"""Fraction bits of a weight's change: steps of 3.7e-9, the distance of neighbouring float32 numbers near 0.04."""
LARGEST_CHANGE = 4.0
"""Changes times shares of patients add up to less than this, which leaves one of the 32 bits for their rounding."""


@dataclass(frozen=True)
class Ring:
    """Whole numbers modulo 2^`bits`, of which `fraction` bits stand behind the point."""

    bits: int
    fraction: int

    @property
    def words(self) -> int:
        """32-bit words of one number."""
        return self.bits // 32

    @property
    def largest(self) -> int:
        """Values below this in size are taken: 2^14 sites of them and the sign still fit."""
        return 1 << (self.bits - self.fraction - 16)

    def encode(self, values: Iterable[float | Fraction], *, what: str) -> list[int]:
        """Values rounded to the ring's steps; DataError for a value beyond its range, which is never wrapped."""
        return [self._encoded(Fraction(value), what) for value in values]

    def _encoded(self, value: Fraction, what: str) -> int:
        if abs(value) >= self.largest:
            raise DataError(
                f"{what}: a value of about 2^{len(bin(int(abs(value)))) - 3}, secure aggregation takes values below "
                f"2^{self.bits - self.fraction - 16}; find the feature or loss that is so large, or set "
                "federation.secure_aggregation to false"
            )
        return round(value * (1 << self.fraction)) % (1 << self.bits)

    def decode(self, numbers: Sequence[int]) -> list[Fraction]:
        """The values of sums, with their sign."""
        half, whole = 1 << (self.bits - 1), 1 << self.bits
        return [Fraction(number - whole if number >= half else number, 1 << self.fraction) for number in numbers]

    def to_words(self, numbers: Sequence[int]) -> Words:
        """Flat little-endian words."""
        return np.frombuffer(b"".join(number.to_bytes(self.bits // 8, "little") for number in numbers), dtype="<u4")

    def from_words(self, words: Words) -> list[int]:
        """The numbers of flat words."""
        data, size = np.ascontiguousarray(words, dtype="<u4").tobytes(), self.bits // 8
        return [int.from_bytes(data[at : at + size], "little") for at in range(0, len(data), size)]


STATISTICS = Ring(512, 200)
"""Sums and squares of features: steps of 6e-61 and values up to 1e89, so that no common scale has to be agreed on."""
SUMS = Ring(256, 64)
"""Losses, counts, pairs, rank terms and running statistics: steps of 5e-20, values up to 9e52."""


def encode_changes(changes: NDArray[np.float64], *, share: float) -> Words:
    """Changes of weights times a site's share of the patients, modulo 2^32.

    DataError when a change is not smaller than `LARGEST_CHANGE`: one round does not move a weight that learns so far.
    """
    furthest = float(np.abs(changes).max(initial=0.0))
    if not furthest < LARGEST_CHANGE:
        raise DataError(
            f"a weight moved by {furthest:.3g} in one round, secure aggregation takes less than {LARGEST_CHANGE:g}; "
            "lower the learning rate, or set federation.secure_aggregation to false"
        )
    steps = np.rint(changes * (share * 2.0**CHANGE_BITS)).astype(np.int64)
    return np.asarray(steps.astype(np.uint32))


def decode_changes(total: Words) -> NDArray[np.float64]:
    """The sum of changes times shares."""
    return np.asarray(total.view(np.int32) / 2.0**CHANGE_BITS)
