"""Sums over a site's training patients from which the sites' common scaling and selection follow."""

from __future__ import annotations

import numpy as np

from client.clinical import encode
from client.federation.dataset import Dataset
from client.federation.guards import Guard
from client.federation.private_round import PrivateDesk, noised_ranks, noised_statistics
from common.messages import CorrelationReply, CorrelationRequest, RanksReply, StatisticsReply
from common.messages.shared import CoMomentColumns, MomentColumns, RankColumns
from common.pooling import Moments, co_moments, moments, rank_sums


def training_statistics(
    dataset: Dataset, study_sha256: str, *, site: str, guard: Guard, private: PrivateDesk | None
) -> StatisticsReply:
    """Count, mean and squared deviations of every radiomic feature and clinical value; DataError when withheld.

    With `private` they are noised, over the features that have a range.
    """
    guard.require(int(dataset.cohort.training.sum()), "training")
    names, found = _exact_moments(dataset) if private is None else noised_statistics(private)
    radiomics, clinical = (MomentColumns.of(one.guarded(minimum_count=guard.minimum_count)) for one in found)
    return StatisticsReply(
        study_sha256=study_sha256,
        site=site,
        radiomic_features=names,
        radiomics=radiomics,
        clinical=clinical,
        withheld=guard.notes(),
    )


def _exact_moments(dataset: Dataset) -> tuple[tuple[str, ...], list[Moments]]:
    cohort, training = dataset.cohort, dataset.cohort.training
    tables = (cohort.features[training], encode(cohort.patients)[training])
    return tuple(cohort.features.columns), [moments(table.to_numpy(dtype=float)) for table in tables]


def training_ranks(
    dataset: Dataset, study_sha256: str, *, site: str, guard: Guard, private: PrivateDesk | None
) -> RanksReply:
    """Rank sums of every radiomic feature between positives and negatives; DataError when withheld.

    With `private` they are noised, of the features that have a range.
    """
    guard.require(int(dataset.cohort.training.sum()), "training")
    cohort, labels = dataset.cohort, dataset.cohort.training_labels()
    # the rank sum of a class of one is that patient's rank
    if not guard.allows_classes(labels, "selection"):
        least = len(labels) + 1
        private = None
    else:
        least = guard.minimum_count
    values = cohort.features[cohort.training]
    found = rank_sums(values.to_numpy(dtype=float), labels) if private is None else noised_ranks(private)
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
