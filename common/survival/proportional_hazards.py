"""The test of proportional hazards of R's survival::cox.zph since version 3: the score test, no approximation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from common.survival.checks import Values
from common.survival.partial_likelihood import EventTimes

SINGULAR = 1e-10
"""Share of a variance below which it is taken for rounding."""


@dataclass(frozen=True)
class HazardsTest:
    """p of each covariate (one degree of freedom) and of all together; None where too few event times tell."""

    p: tuple[float | None, ...]
    global_p: float | None


def proportional_hazards_test(fitted: EventTimes) -> HazardsTest:
    """Score test for coefficients that change with the Kaplan-Meier transform of time.

    `fitted` at the coefficients of the Cox model. Source: Grambsch & Therneau 1994, doi:10.1093/biomet/81.3.515.
    """
    change = _kaplan_meier_transform(fitted)
    change = change - np.average(change, weights=fitted.events)
    score = change @ fitted.residuals
    crossed = np.tensordot(change, fitted.covariances, axes=1)
    own = np.tensordot(change**2, fitted.covariances, axes=1)
    given_model = own - crossed @ np.linalg.solve(fitted.covariances.sum(axis=0), crossed)
    alone = zip(score, np.diag(given_model), np.diag(own), strict=True)
    each = [chi2.sf(one**2 / left, 1) if left > SINGULAR * whole else None for one, left, whole in alone]
    return HazardsTest(tuple(None if p is None else float(p) for p in each), _global_p(score, given_model, own))


def _global_p(score: Values, given_model: Values, own: Values) -> float | None:
    scale = np.sqrt(np.diag(own))
    if not scale.all() or np.linalg.eigvalsh(given_model / np.outer(scale, scale)).min() < SINGULAR:
        return None
    return float(chi2.sf(score @ np.linalg.solve(given_model, score), score.size))


def _kaplan_meier_transform(fitted: EventTimes) -> Values:
    """One minus the survival just before each event time."""
    survival = np.cumprod(1 - fitted.events / fitted.at_risk)
    return np.asarray(1 - np.concatenate([[1.0], survival[:-1]]))
