"""What something costs at several sizes, and how that grows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from tests.benchmarks.table import Row, Table

WORSE_THAN_LINEAR = 1.1


@dataclass(frozen=True)
class Curve:
    """Costs of several turns by size, in one unit."""

    name: str
    unit: str
    costs: Mapping[int, Sequence[float]]

    @property
    def exponent(self) -> float:
        """Of the power of the size that fits best: least squares of the medians' logarithms."""
        return self._slope(sorted(self.costs))

    @property
    def last_exponent(self) -> float:
        """The same between the two largest sizes, where what is fixed weighs least."""
        return self._slope(sorted(self.costs)[-2:])

    @property
    def worse_than_linear(self) -> bool:
        """Whether either exponent is clearly above 1."""
        return max(self.exponent, self.last_exponent) > WORSE_THAN_LINEAR

    def _slope(self, sizes: Sequence[int]) -> float:
        middles = [median(self.costs[size]) for size in sizes]
        return float(np.polyfit(np.log(sizes), np.log(middles), 1)[0])


def growth_table(title: str, of: str, curves: Sequence[Curve], notes: Sequence[str], *, picture: str = "") -> Table:
    """Every size of every curve, its exponents in the row of the largest; `of` says what the size counts."""
    rows = [row for curve in curves for row in _rows(curve, of)]
    steep = [curve.name for curve in curves if curve.worse_than_linear]
    verdict = f"Worse than linear (an exponent above {WORSE_THAN_LINEAR}): {'; '.join(steep) or 'none'}."
    explained = (
        "Exponent: of the power of the size that fits the medians best; in brackets between the two largest sizes."
    )
    return Table(title, "times the smallest", rows, [verdict, *notes, explained], remark="exponent", picture=picture)


def _rows(curve: Curve, of: str) -> list[Row]:
    sizes = sorted(curve.costs)
    smallest = median(curve.costs[sizes[0]])
    fitted = f"{curve.exponent:.2f} ({curve.last_exponent:.2f})"
    return [
        Row(
            f"{curve.name}, {size:,} {of}",
            curve.unit,
            curve.costs[size],
            [median(curve.costs[size]) / smallest],
            remark=fitted if size == sizes[-1] else "",
        )
        for size in sizes
    ]
