"""What Cox's partial likelihood says at each event time, ties by Efron."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common.survival.checks import Flags, Values


@dataclass(frozen=True)
class EventTimes:
    """The m different event times of a cohort and, of k covariates, what was observed less what was expected there."""

    times: Values
    """(m,)"""
    events: NDArray[np.intp]
    """(m,)"""
    at_risk: NDArray[np.intp]
    """(m,)"""
    residuals: Values
    """(m, k): sums of Schoenfeld residuals; their sum is the score."""
    covariances: Values
    """(m, k, k): of the covariates among those at risk; their sum is the information."""

    def newton_step(self) -> Values:
        """How far each coefficient (k,) is from the maximum; LinAlgError where the information is singular."""
        return np.asarray(np.linalg.solve(self.covariances.sum(axis=0), self.residuals.sum(axis=0)))


def at_event_times(time: Values, event: Flags, inputs: Values, coefficients: Values) -> EventTimes:
    """Score and information of each event time, for covariates (n, k) and coefficients (k,).

    Source: Efron 1977, doi:10.1080/01621459.1977.10480613.
    """
    centred = inputs - inputs.mean(axis=0)
    predictor = centred @ coefficients
    weights = np.exp(predictor - predictor.max())
    times, events = np.unique(time[event], return_counts=True)
    at_risk = np.array([(time >= moment).sum() for moment in times])
    moments = [_moments(time >= moment, event & (time == moment), centred, weights) for moment in times]
    residuals, covariances = (np.array(part) for part in zip(*moments, strict=True))
    return EventTimes(times, events, at_risk, residuals, covariances)


def _moments(at_risk: Flags, died: Flags, inputs: Values, weights: Values) -> tuple[Values, Values]:
    residual, covariance = inputs[died].sum(axis=0), np.zeros((inputs.shape[1],) * 2)
    for place in range(int(died.sum())):
        # Efron: those who die together leave the risk set one by one, each by an equal part
        share = weights * (at_risk - died * (place / died.sum()))
        share = share / share.sum()
        mean = share @ inputs
        apart = inputs - mean
        residual = residual - mean
        covariance += (share[:, None] * apart).T @ apart
    return residual, covariance
