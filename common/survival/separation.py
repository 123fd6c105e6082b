"""Whether covariates foretell the order of the events perfectly, so that a Cox model has no finite answer."""

from __future__ import annotations

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, hstack, vstack

from common.survival.checks import Flags, Values
from common.survival.partial_likelihood import at_event_times

SMALLEST_GAIN = 1e-3
"""Score along a direction, in standard deviations, below which it is taken for rounding."""


def separating_direction(time: Values, event: Flags, inputs: Values) -> Values | None:
    """Weights (k,) of covariates (n, k) whose sum is, at each event, never larger in others still at risk; or None.

    Along such a direction the partial likelihood rises without end. Found by linear programming: largest at risk in
    an event's weighted sum, for each event time. Weights that take no part are 0. Source: Heinze & Schemper 2001,
    doi:10.1111/j.0006-341X.2001.00114.x (monotone likelihood).
    """
    scale = inputs.std(axis=0)
    scaled = (inputs - inputs.mean(axis=0)) / scale
    score = at_event_times(time, event, scaled, np.zeros(scaled.shape[1])).residuals.sum(axis=0)
    rules = _rules(time, event, scaled)
    largest = rules.shape[1] - score.size
    box = np.concatenate([np.ones(score.size), np.full(largest, np.inf)])
    gains = np.concatenate([score, np.zeros(largest)])
    found = milp(-gains, constraints=LinearConstraint(rules, ub=0.0), bounds=Bounds(-box, box))
    if not found.success or -found.fun < SMALLEST_GAIN:
        return None
    weights = found.x[: score.size]
    return np.asarray(np.where(np.abs(weights) > 1e-6, weights / scale, 0.0))


def _rules(time: Values, event: Flags, scaled: Values) -> csr_array:
    """Rows of "at most 0" on the weights and on the largest sum at risk at each event time."""
    times = np.unique(time[event])
    last = np.searchsorted(times, time, side="right") - 1
    seen = last >= 0
    largest = csr_array(np.eye(times.size))
    below = hstack([csr_array(scaled[seen]), -largest[last[seen]]])
    events_largest = hstack([csr_array(-scaled[event]), largest[last[event]]])
    falling = hstack([csr_array((times.size - 1, scaled.shape[1])), largest[1:] - largest[:-1]])
    return csr_array(vstack([below, events_largest, falling]))
