"""Progression-free survival of the immunotherapy cohort by PD-L1ES, by clinical values, and by both together."""

from __future__ import annotations

import pandas as pd

from client.clinical import VARIABLES
from client.evaluation.cox_models import cox_models
from client.evaluation.parts import Results, or_reason
from client.evaluation.survival_cutoff import Divided, Rule, divide_score, rule_of
from client.evaluation.survival_group import group_part
from client.evaluation.survival_scores import Score, clinical_score, combined_score, pdl1es_score
from client.evaluation.survival_variables import survival_by_variable
from common.study import Survival

SCORES = ("pdl1es", "clinical", "combined")
GROUPS = ("all", "monotherapy", "combination")
SHORTEST_PLAUSIBLE = 100
"""A longest follow-up below this many days makes one ask whether these are months."""


def evaluate_survival(treated: pd.DataFrame, settings: Survival, *, seed: int, rule: Rule | None = None) -> Results:
    """Everything that results.json says of survival; a part that cannot be computed says why.

    `treated` has a row a patient of the immunotherapy cohort with `pdl1es_score`, where it exists `pdl1es_logit`, and
    `pfs_days`, `progressed`, `treatment` and the clinical columns of cohort.csv. `rule` replaces the study's for
    PD-L1ES; a number cannot divide the two Cox models, whose cut-offs are then searched for.
    """
    if treated.empty:
        return _nobody()
    own = rule or rule_of(settings)
    fitted = own if own.value is None else Rule("xtile")
    scores = {
        "pdl1es": (own, or_reason(pdl1es_score, treated)),
        "clinical": (fitted, or_reason(clinical_score, treated, seed=seed)),
        "combined": (fitted, or_reason(combined_score, treated, seed=seed)),
    }
    divided = {name: _divide(treated, score, rule, settings, seed=seed) for name, (rule, score) in scores.items()}
    pdl1es = divided["pdl1es"]
    return {
        "survival": {name: _groups(treated, one, settings, seed=seed) for name, one in divided.items()},
        "survival_by_variable": survival_by_variable(treated, settings, seed=seed),
        **cox_models(treated, pdl1es.high if isinstance(pdl1es, Divided) else pdl1es),
    }


def _nobody() -> Results:
    reason = {
        "not_computed": "no patient of the immunotherapy cohort was scored: add such patients to compare survival"
    }
    return {
        "survival": {name: dict.fromkeys(GROUPS, reason) for name in SCORES},
        "survival_by_variable": dict.fromkeys(VARIABLES, reason),
        "cox_univariable": {},
        "cox_multivariable": {},
    }


def _divide(
    treated: pd.DataFrame, score: Score | Results, rule: Rule, settings: Survival, *, seed: int
) -> Divided | Results:
    if isinstance(score, dict):
        return score
    found: Divided | Results = or_reason(divide_score, treated, score, rule, settings, seed=seed)
    return found


def _groups(treated: pd.DataFrame, divided: Divided | Results, settings: Survival, *, seed: int) -> Results:
    if isinstance(divided, dict):
        return dict.fromkeys(GROUPS, divided)
    return {name: or_reason(group_part, treated, divided, settings, group=name, seed=seed) for name in GROUPS}


def follow_up_warnings(treated: pd.DataFrame) -> list[str]:
    """Sentences about follow-up that is possible but not likely."""
    longest = treated["pfs_days"].max()
    if len(treated) and longest < SHORTEST_PLAUSIBLE:
        return [
            f"the longest follow-up is {longest:g} days; pfs_days counts days, so if these are months, multiply them "
            "by 30.44"
        ]
    return []
