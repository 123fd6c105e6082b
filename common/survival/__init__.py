"""Progression-free survival: curves, groups, cut-offs, Cox regression, concordance and time-dependent measures."""

from common.survival.concordance import Concordance, concordance
from common.survival.cox import CoxModel, CoxTerm, cox_regression, cross_validated_predictor, linear_predictor
from common.survival.curves import Median, SurvivalCurve, kaplan_meier
from common.survival.cutoff import CutoffSearch, search_cutoff, subset_permutation_p
from common.survival.groups import GroupComparison, compare_groups
from common.survival.time_dependent import RestrictedMeans, TimeAuc, restricted_mean_difference, time_dependent_auc

__all__ = [
    "Concordance",
    "CoxModel",
    "CoxTerm",
    "CutoffSearch",
    "GroupComparison",
    "Median",
    "RestrictedMeans",
    "SurvivalCurve",
    "TimeAuc",
    "compare_groups",
    "concordance",
    "cox_regression",
    "cross_validated_predictor",
    "kaplan_meier",
    "linear_predictor",
    "restricted_mean_difference",
    "search_cutoff",
    "subset_permutation_p",
    "time_dependent_auc",
]
