"""One estimate from those of several sites, and how much the sites differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import chi2, norm, t

from common.errors import DataError
from common.pooling.checks import Values


@dataclass(frozen=True)
class Effect:
    """A combined estimate with its standard error, interval and two-sided p against 0."""

    estimate: float
    standard_error: float
    ci_low: float
    ci_high: float
    p: float


@dataclass(frozen=True)
class MetaAnalysis:
    """Fixed and random effects of several estimates and their heterogeneity.

    `knapp_hartung` is the random effect with Hartung's, Knapp's, Sidik's and Jonkman's interval, which holds its level
    with few sites; `i2` is from 0 to 1, the weights sum to 1. With one estimate `knapp_hartung` and `q_p` are None.
    """

    fixed: Effect
    random: Effect
    knapp_hartung: Effect | None
    tau2: float
    q: float
    q_p: float | None
    i2: float
    weights_fixed: tuple[float, ...]
    weights_random: tuple[float, ...]


def combine(estimates: ArrayLike, standard_errors: ArrayLike, *, level: float = 0.95) -> MetaAnalysis:
    """Inverse-variance meta-analysis of estimates (k,), such as log hazard ratios, with their standard errors (k,).

    The variance between sites is DerSimonian's and Laird's. DataError without estimates, for missing values and for
    standard errors that are not above 0. Source: DerSimonian & Laird 1986, doi:10.1016/0197-2456(86)90046-2;
    Higgins 2002, doi:10.1002/sim.1186; IntHout 2014, doi:10.1186/1471-2288-14-25.
    """
    values, errors = _checked(estimates, standard_errors)
    weight, freedom = 1 / errors**2, values.size - 1
    q = float(weight @ (values - np.average(values, weights=weight)) ** 2)
    tau2 = max(0.0, (q - freedom) / float(weight.sum() - (weight**2).sum() / weight.sum())) if freedom else 0.0
    widened = 1 / (errors**2 + tau2)
    return MetaAnalysis(
        fixed=_effect(values, weight, level),
        random=_effect(values, widened, level),
        knapp_hartung=_knapp_hartung(values, widened, level) if freedom else None,
        tau2=tau2,
        q=q,
        q_p=float(chi2.sf(q, freedom)) if freedom else None,
        i2=max(0.0, 1 - freedom / q) if q > 0 else 0.0,
        weights_fixed=tuple((weight / weight.sum()).tolist()),
        weights_random=tuple((widened / widened.sum()).tolist()),
    )


def _checked(estimates: ArrayLike, standard_errors: ArrayLike) -> tuple[Values, Values]:
    values, errors = (np.asarray(given, dtype=np.float64) for given in (estimates, standard_errors))
    if values.ndim != 1 or not values.size or values.shape != errors.shape:
        raise DataError(f"estimates {values.shape} and standard errors {errors.shape}: give one of each a site")
    wrong = int((~np.isfinite(values) | ~np.isfinite(errors) | (errors <= 0)).sum())
    if wrong:
        raise DataError(
            f"{wrong} of {values.size} estimates are missing or have no standard error above 0: leave these sites out"
        )
    return values, errors


def _effect(values: Values, weight: Values, level: float) -> Effect:
    mean, error = float(np.average(values, weights=weight)), float(weight.sum() ** -0.5)
    margin = float(norm.ppf((1 + level) / 2)) * error
    return Effect(mean, error, mean - margin, mean + margin, p=float(2 * norm.sf(abs(mean) / error)))


def _knapp_hartung(values: Values, weight: Values, level: float) -> Effect:
    mean, freedom = float(np.average(values, weights=weight)), values.size - 1
    error = float(np.sqrt(weight @ (values - mean) ** 2 / (freedom * weight.sum())))
    margin = float(t.ppf((1 + level) / 2, freedom)) * error
    p = float(2 * t.sf(abs(mean) / error, freedom)) if error > 0 else float(mean == 0)
    return Effect(mean, error, mean - margin, mean + margin, p)
