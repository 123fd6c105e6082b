"""Two scores of the same patients compared by their areas under the ROC curve."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import ArrayLike
from scipy.stats import norm

from common.discrimination.classes import area, by_class, components, standard_error, two_of_each
from common.errors import DataError

_ROUNDING = 1e-12
"""Below what an area can differ by; components are multiples of half a patient."""


@dataclass(frozen=True)
class PairedDelong:
    """Two areas of the same patients, their difference (first minus second) with its interval, and DeLong's test."""

    auc_first: float
    auc_second: float
    difference: float
    ci_low: float
    ci_high: float
    z: float
    p: float


def paired_delong(labels: ArrayLike, first: ArrayLike, second: ArrayLike, *, level: float = 0.95) -> PairedDelong:
    """DeLong's test of two correlated areas; scores that rank all patients alike differ by nothing, p is 1.

    `labels` (n,) of 0 and 1, `first` and `second` (n,) of any scale. DataError when a class has fewer than two
    patients, a score is missing or infinite, or the areas differ by the same in every patient, as those of a perfect
    and a reversed score do. Source: DeLong 1988, doi:10.2307/2531595; midranks of Sun & Xu 2014,
    doi:10.1109/LSP.2014.2337313.
    """
    one, other = by_class(labels, first), by_class(labels, second)
    two_of_each(*one)
    of_one, of_other = components(*one), components(*other)
    gained = (of_one[0] - of_other[0], of_one[1] - of_other[1])
    difference, error = area(of_one) - area(of_other), standard_error(gained)
    if error < _ROUNDING:
        difference, error = _without_variance(difference), 0.0
    z = difference / error if error else 0.0
    margin = float(norm.ppf((1 + level) / 2)) * error
    return PairedDelong(
        auc_first=area(of_one),
        auc_second=area(of_other),
        difference=difference,
        ci_low=difference - margin,
        ci_high=difference + margin,
        z=z,
        p=float(2 * norm.sf(abs(z))),
    )


def _without_variance(difference: float) -> float:
    """No difference in any patient; DataError when there is one, since its z would be infinite."""
    if abs(difference) > _ROUNDING:
        raise DataError(
            f"the two areas differ by {difference:.3g} and no patient varies from that: DeLong's test has no variance; "
            "add patients"
        )
    return 0.0
