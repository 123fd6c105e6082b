"""Statistics of all sites' patients from sums, counts and estimates that each site computes alone."""

from common.pooling.binned_survival import (
    BinnedCurve,
    SurvivalCounts,
    bin_counts,
    binned_kaplan_meier,
    merge_counts,
    withheld,
)
from common.pooling.meta_analysis import Effect, MetaAnalysis, combine
from common.pooling.moments import CoMoments, Moments, co_moments, merge, merge_co_moments, moments, prune
from common.pooling.pooled_auc import PooledAuc, pooled_auc, within_site_auc
from common.pooling.ranks import RankSums, rank_sums, van_elteren
from common.pooling.score_summary import ScoreSummary, score_summary
from common.pooling.threshold import pooled_youden

__all__ = [
    "BinnedCurve",
    "CoMoments",
    "Effect",
    "MetaAnalysis",
    "Moments",
    "PooledAuc",
    "RankSums",
    "ScoreSummary",
    "SurvivalCounts",
    "bin_counts",
    "binned_kaplan_meier",
    "co_moments",
    "combine",
    "merge",
    "merge_co_moments",
    "merge_counts",
    "moments",
    "pooled_auc",
    "pooled_youden",
    "prune",
    "rank_sums",
    "score_summary",
    "van_elteren",
    "withheld",
    "within_site_auc",
]
