"""Sums over a site's training patients from which the sites' common scaling and selection follow."""

from __future__ import annotations

import numpy as np

from client.clinical import encode
from client.federation.dataset import Dataset
from client.federation.guards import Guard
from common.messages import CorrelationReply, CorrelationRequest, RanksReply, StatisticsReply
from common.messages.shared import CoMomentColumns, MomentColumns, RankColumns
from common.pooling import co_moments, moments, rank_sums


def training_statistics(dataset: Dataset, study_sha256: str, *, site: str, guard: Guard) -> StatisticsReply:
    """Count, mean and squared deviations of every radiomic feature and clinical value; DataError when withheld."""
    guard.require(int(dataset.cohort.training.sum()), "training")
    cohort, training, least = dataset.cohort, dataset.cohort.training, guard.minimum_count
    return StatisticsReply(
        study_sha256=study_sha256,
        site=site,
        radiomic_features=tuple(cohort.features.columns),
        radiomics=MomentColumns.of(
            moments(cohort.features[training].to_numpy(dtype=float)).guarded(minimum_count=least)
        ),
        clinical=MomentColumns.of(
            moments(encode(cohort.patients)[training].to_numpy(dtype=float)).guarded(minimum_count=least)
        ),
        withheld=guard.notes(),
    )


def training_ranks(dataset: Dataset, study_sha256: str, *, site: str, guard: Guard) -> RanksReply:
    """Rank sums of every radiomic feature between positives and negatives; DataError when withheld."""
    guard.require(int(dataset.cohort.training.sum()), "training")
    cohort, labels = dataset.cohort, dataset.cohort.training_labels()
    found = rank_sums(cohort.features[cohort.training].to_numpy(dtype=float), labels)
    # the rank sum of a class of one is that patient's rank
    least = guard.minimum_count if guard.allows_classes(labels, "selection") else len(labels) + 1
    found = found.guarded(minimum_count=least)
    return RanksReply(study_sha256=study_sha256, site=site, ranks=RankColumns.of(found), withheld=guard.notes())


def training_correlation(dataset: Dataset, request: CorrelationRequest, *, site: str, guard: Guard) -> CorrelationReply:
    """Cross products of the named features, standardised.

    With as many features as patients the products would give the table away but for a rotation: withheld.
    """
    guard.require(int(dataset.cohort.training.sum()), "training")
    cohort, names = dataset.cohort, list(request.radiomic_features)
    products = None
    if cohort.training.sum() > 2 * len(names):
        values = cohort.features.loc[cohort.training, names].to_numpy(dtype=float)
        # a missing value stands at the site's mean: at the server's, a far one would pick out who lacks it
        standard = request.radiomics.scaling().apply(values)
        # of a feature that one patient has, the sum of squares is that patient's value
        standard[:, (~np.isnan(values)).sum(axis=0) < guard.minimum_count] = np.nan
        products = CoMomentColumns.of(co_moments(standard))
    else:
        guard.forbids("correlations", "fewer than two training patients a feature would give single patients away")
    return CorrelationReply(study_sha256=request.study_sha256, site=site, products=products, withheld=guard.notes())
