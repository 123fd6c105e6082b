"""Statistics and selection of which the server learns sums over sites only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.errors import PeerError
from common.messages import ColumnScaling, CorrelationRequest, RanksRequest, StatisticsRequest
from common.messages.masking import MaskedReply
from common.messages.shared import CLINICAL_VARIABLES
from common.pooling import CoMoments
from common.pooling.checks import Values
from common.secure_aggregation import STATISTICS, SUMS
from common.secure_aggregation.selection_sums import correlation_size, pooled_co_moments, pooled_p
from common.secure_aggregation.statistics_sums import PER_COLUMN, pooled_moments
from server.secure_aggregation import masked_sum
from server.study_run import StudyRun


def masked_statistics(run: StudyRun) -> Mapping[str, Any]:
    """What facts["statistics"] holds, from sums."""

    def size(reply: MaskedReply) -> tuple[int, int]:
        return 0, PER_COLUMN * (len(reply.names) + CLINICAL_VARIABLES)

    total = masked_sum(run, StatisticsRequest(study_sha256=run.sha256), STATISTICS, size=size)
    if not total.names:
        raise PeerError("statistics: no radiomic feature is named; install the same version everywhere")
    cut = PER_COLUMN * len(total.names)
    parts = {"radiomics": total.vector.numbers[:cut], "clinical": total.vector.numbers[cut:]}
    return {
        "sites": list(total.sites),
        "radiomic_features": list(total.names),
        **{
            name: ColumnScaling.of(pooled_moments(numbers).scaling()).model_dump(mode="json")
            for name, numbers in parts.items()
        },
    }


def masked_p(run: StudyRun, *, features: int) -> tuple[Values, list[str]]:
    """p of each feature from the sums of the sites' rank terms, and the sites."""

    def size(_: MaskedReply) -> tuple[int, int]:
        return 0, 2 * features

    total = masked_sum(run, RanksRequest(study_sha256=run.sha256), SUMS, size=size)
    known = (run.facts["sites"][site]["divisions"]["training"]["patients"] or 0 for site in total.sites)
    return pooled_p(total.vector.numbers, largest_site=max(known)), list(total.sites)


def masked_products(run: StudyRun, request: CorrelationRequest) -> CoMoments:
    """Cross products of all sites; one that may not tell them is missing, and fewer than three give no sum."""
    columns = len(request.radiomic_features)

    def size(_: MaskedReply) -> tuple[int, int]:
        return 0, correlation_size(columns)

    return pooled_co_moments(masked_sum(run, request, SUMS, size=size).vector.numbers, columns=columns)
