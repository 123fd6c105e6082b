"""Sums over training patients with noise: values cut to ranges that are known without patients.

Gaussian mechanism (Dwork and Roth 2014, doi:10.1561/0400000042, appendix A). How many patients there are, and of each
class, is told exactly elsewhere and taken as known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from client.clinical import VARIABLES
from client.privacy.noise import Noise
from common.errors import DataError
from common.pooling import Moments, RankSums, rank_sums
from common.study import Privacy

LEAST_DEVIATION = 0.05
"""In half widths of a range; noise can make a variance vanish, a scale must not."""
_CODED = {"sex": (0.0, 1.0), "smoking": (0.0, 2.0), "family_history": (0.0, 1.0)}


def clinical_ranges(privacy: Privacy) -> dict[str, tuple[float, float]]:
    """Lowest and highest value of each clinical variable as `client.clinical` codes it."""
    return {name: privacy.age_range if name == "age" else _CODED[name] for name in VARIABLES}


def within_ranges(features: pd.DataFrame, ranges: Mapping[str, tuple[float, float]]) -> np.ndarray:
    """Values of the named columns from -1 to 1, float64 (patients, ranges); a missing one stands in the middle.

    DataError for a range of a feature that is not computed.
    """
    if unknown := sorted({*ranges} - {*features.columns}):
        raise DataError(
            f"privacy.ranges has {unknown[0]}, which these radiomics settings do not compute; ask the coordinator"
        )
    middle, half = _middle_and_half(ranges.values())
    scaled = (features[list(ranges)].to_numpy(dtype=float) - middle) / half
    return np.asarray(np.nan_to_num(np.clip(scaled, -1, 1), nan=0.0))


def noised_moments(
    parts: Sequence[tuple[np.ndarray, Mapping[str, tuple[float, float]]]], *, noise_multiplier: float, noise: Noise
) -> list[Moments]:
    """Count, mean and squared deviations of several tables of values from -1 to 1, as one release in their own units.

    A patient adds v and v^2 - 1/2 to the sums of a column, which together are at most sqrt(5 / 4) long.
    """
    columns = sum(values.shape[1] for values, _ in parts)
    deviation = noise_multiplier * np.sqrt(1.25 * columns)
    return [_moments(values, ranges, deviation=deviation, noise=noise) for values, ranges in parts]


def _moments(
    values: np.ndarray, ranges: Mapping[str, tuple[float, float]], *, deviation: float, noise: Noise
) -> Moments:
    patients, columns = values.shape
    sums = values.sum(axis=0) + deviation * noise.normal(columns)
    squares = (values**2 - 0.5).sum(axis=0) + deviation * noise.normal(columns) + patients / 2
    mean = np.clip(sums / patients, -1, 1)
    variance = np.clip(squares / patients - mean**2, LEAST_DEVIATION**2, 1)
    middle, half = _middle_and_half(ranges.values())
    return Moments(np.full(columns, patients), middle + half * mean, patients * variance * half**2, np.zeros(columns))


def noised_rank_sums(values: np.ndarray, labels: np.ndarray, *, noise_multiplier: float, noise: Noise) -> RankSums:
    """Rank sums of positives against negatives with noise, whose variance is told so that p can allow for it.

    A patient moves U, taken from its expectation, by at most half the number of the other class.
    """
    exact = rank_sums(values, labels)
    pairs, most = exact.n_positive * exact.n_negative, np.maximum(exact.n_positive, exact.n_negative)
    deviation = noise_multiplier * np.sqrt(len(most)) * most / 2
    u = np.clip(exact.u + deviation * noise.normal(len(most)), 0, pairs)
    return RankSums(exact.n_positive, exact.n_negative, u, np.zeros(len(most)), deviation**2)


def _middle_and_half(ranges: object) -> tuple[np.ndarray, np.ndarray]:
    low, high = np.array(list(ranges)).T  # type: ignore[call-overload]
    return (low + high) / 2, (high - low) / 2
