"""How many patients of which kind the paper had, and the same in a cohort of another size.

Tian, He, Mu et al., Theranostics 2021, Table 1 and the text of Results, Clinical characteristics.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Counts:
    """The patients of one division: how many are in each group, and their age."""

    positive: int
    """TPS at or above the label threshold."""
    negative: int
    sex: tuple[int, int]
    """Female, male."""
    smoking: tuple[int, int, int]
    """Never, occasionally, constantly."""
    smoking_unknown: int
    family_history: tuple[int, int]
    """No, yes."""
    family_history_unknown: int
    age_mean: float
    age_sd: float

    @property
    def patients(self) -> int:
        """All patients of the division."""
        return self.positive + self.negative


TOTAL = Counts(328, 611, (363, 576), (432, 374, 95), 38, (764, 139), 36, 58.8, 10.7)
TRAINING = Counts(261, 489, (295, 455), (348, 300, 74), 28, (610, 113), 27, 58.9, 10.7)
VALIDATION = Counts(33, 60, (35, 58), (43, 36, 11), 3, (79, 11), 3, 58.0, 10.3)
TEST = Counts(34, 62, (33, 63), (41, 38, 10), 7, (75, 15), 6, 59.0, 11.3)
# The text gives 77 men, 21 non-smokers and 73 smokers; it gives neither how often those smoked, nor the family
# history, nor the TPS, so these three are divided as in the whole expression cohort, of the known values.
IMMUNOTHERAPY = Counts(33, 61, (17, 77), (21, 58, 15), 0, (80, 14), 0, 60.7, 11.1)
TREATMENTS = ("monotherapy", "combination")
TREATMENT_COUNTS = (51, 43)
EVENT_SHARE = 40 / 94
"""Progressions a patient of the immunotherapy cohort; the paper's intervals of HR mean about 40 among 94."""


def largest_remainder(counts: Sequence[int], *, total: int) -> tuple[int, ...]:
    """Whole shares of `total` in proportion to `counts`; what rounding leaves goes to the largest remainders."""
    whole = sum(counts)
    exact = [count * total / whole for count in counts]
    shares = [math.floor(value) for value in exact]
    order = sorted(range(len(exact)), key=lambda index: (shares[index] - exact[index], index))
    for index in order[: total - sum(shares)]:
        shares[index] += 1
    return tuple(shares)


def resized(counts: Counts, *, patients: int) -> Counts:
    """The same groups in a division of another size; the paper's own numbers when the size is the paper's."""
    positive, negative = largest_remainder((counts.positive, counts.negative), total=patients)
    female, male = largest_remainder(counts.sex, total=patients)
    never, occasionally, constantly, unknown = largest_remainder(
        (*counts.smoking, counts.smoking_unknown), total=patients
    )
    no, yes, history_unknown = largest_remainder(
        (*counts.family_history, counts.family_history_unknown), total=patients
    )
    return replace(
        counts,
        positive=positive,
        negative=negative,
        sex=(female, male),
        smoking=(never, occasionally, constantly),
        smoking_unknown=unknown,
        family_history=(no, yes),
        family_history_unknown=history_unknown,
    )
