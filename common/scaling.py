"""z-scores fitted on one group of patients and applied to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Scaling:
    """Mean and standard deviation of each column; a constant column is left at zero."""

    mean: np.ndarray
    deviation: np.ndarray

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Standardise (patients, columns); NaN stays NaN."""
        return np.asarray((values - self.mean) / self.deviation)

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers for a file."""
        return {"mean": self.mean.tolist(), "deviation": self.deviation.tolist()}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Scaling:
        """The inverse of as_dict."""
        return cls(np.array(content["mean"], dtype=float), np.array(content["deviation"], dtype=float))


def fit_scaling(values: np.ndarray) -> Scaling:
    """Column means and population standard deviations of (patients, columns), ignoring NaN."""
    mean = np.nanmean(values, axis=0)
    deviation = np.nanstd(values, axis=0)
    # of a constant such as 0.1 rounding leaves a deviation of 1e-17
    constant = ~(np.nanmax(values, axis=0) > np.nanmin(values, axis=0))
    return Scaling(mean, np.where(constant, 1.0, deviation))
