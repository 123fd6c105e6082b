"""Progression-free survival at a site: effects and binned curves for the study, the whole evaluation for the site."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from scipy.special import expit

from client.federation.dataset import Dataset
from client.federation.evaluation import division_slices
from client.federation.guards import Guard
from client.federation.site_state import SiteState
from client.federation.training import received_network
from client.prediction import patient_logits
from common.errors import DataError
from common.messages import Arrays, SurvivalReply, SurvivalRequest
from common.messages.judgements import BIN_DAYS, LONGEST_DAYS, SiteEffect, SurvivalBins
from common.pooling import bin_counts, withheld
from common.study import Study
from common.survival import cox_regression

MOST_OF_SPREAD = 0.9
"""Share of a score's spread that a few patients may hold at most."""


def received_scores(
    dataset: Dataset,
    study: Study,
    request: SurvivalRequest,
    arrays: Arrays,
    *,
    state: SiteState,
    device: torch.device,
) -> dict[str, np.ndarray]:
    """Log-odds of each slice (patients, slices) by division, from the weights that came."""
    network = received_network(study, request.preparation, arrays, state, weights_round=request.weights_round)
    found = division_slices(dataset, study, request.preparation, network.to(device), device)
    return {name: logits for name, (_, logits) in found.items()}


def survive(
    dataset: Dataset,
    request: SurvivalRequest,
    slices: dict[str, np.ndarray],
    *,
    site: str,
    guard: Guard,
    curves_allowed: bool,
) -> SurvivalReply:
    """The median score, or with a cut-off the log hazard ratios and, where the policy allows, binned curves."""
    treated, logits = dataset.patients("immunotherapy"), patient_logits(slices["immunotherapy"])
    enough = guard.allows(len(treated), "survival")
    told = enough and request.cutoff is not None
    high = expit(logits) > (request.cutoff or 0.0)
    bins = _bins(treated, high, guard, allowed=curves_allowed) if told else {"high": None, "low": None}
    return SurvivalReply(
        study_sha256=request.study_sha256,
        site=site,
        patients=len(treated),
        median_score=central_score(logits, least=guard.minimum_count) if enough else None,
        by_score=_score_effect(treated, logits, guard, "hazard ratio by score") if told else None,
        by_group=_group_effect(treated, high, guard, "hazard ratio by group") if told else None,
        **bins,
        withheld=guard.notes(),
    )


def central_score(logits: np.ndarray, *, least: int) -> float:
    """The median score (0 to 1) of at least `least` patients, as the mean log-odds of the `least` in the middle.

    One more where the number of patients asks for it, so that as many are left out above as below: a median alone is
    the score of one patient, or of two.
    """
    outer = max(0, (len(logits) - least) // 2)
    return float(expit(np.sort(logits)[outer : len(logits) - outer].mean()))


def _group_effect(treated: pd.DataFrame, high: np.ndarray, guard: Guard, what: str) -> SiteEffect | None:
    """Of a group of one it would tell that patient's days."""
    return _effect(treated, high, guard, what) if guard.allows_classes(high, what) else None


def _score_effect(treated: pd.DataFrame, logits: np.ndarray, guard: Guard, what: str) -> SiteEffect | None:
    """A score that tells one patient, or a few, from all others would tell their days."""
    spread = np.sort((logits - np.median(logits)) ** 2)
    few = guard.least_of_class - 1
    if spread[-few:].sum() > MOST_OF_SPREAD * spread.sum():
        guard.forbids(what, f"{few} of the patients hold nearly all of the score's spread")
        return None
    return _effect(treated, logits, guard, what)


def _effect(treated: pd.DataFrame, values: np.ndarray, guard: Guard, what: str) -> SiteEffect | None:
    if int(treated["progressed"].sum()) < guard.least_of_class:
        guard.forbids(what, f"fewer than {guard.least_of_class} progressions")
        return None
    covariates = pd.DataFrame({"pdl1es": np.asarray(values, dtype=float)}, index=treated.index)
    try:
        model = cox_regression(treated["pfs_days"], treated["progressed"], covariates)
    except DataError:
        guard.forbids(what, "cannot be computed on these patients")
        return None
    term = model.terms["pdl1es"]
    return SiteEffect(
        log_hazard_ratio=term.coefficient, standard_error=term.standard_error, n=model.n, events=model.events
    )


def _bins(treated: pd.DataFrame, high: np.ndarray, guard: Guard, *, allowed: bool) -> dict[str, SurvivalBins | None]:
    if not allowed:
        guard.forbids("survival curves", "the site's policy does not share them")
        return {"high": None, "low": None}
    told = {
        name: _guarded(treated[chosen], guard, f"survival curve of the {name} group")
        for name, chosen in (("high", high), ("low", ~high))
    }
    # the other group's number would tell how many are in the one that is withheld
    return told if None not in told.values() else {"high": None, "low": None}


def _guarded(treated: pd.DataFrame, guard: Guard, what: str) -> SurvivalBins | None:
    fine = bin_counts(treated["pfs_days"], treated["progressed"], edges=range(0, LONGEST_DAYS + 1, BIN_DAYS))
    counts = withheld(fine, minimum_count=guard.minimum_count)
    if counts is None:
        guard.forbids(what, f"fewer than {guard.minimum_count} patients")
        return None
    return SurvivalBins.of(counts)
