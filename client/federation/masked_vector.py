"""A site's answer as a vector that adds up over sites; the answer itself stays."""

from __future__ import annotations

import numpy as np

from common.errors import PeerError
from common.messages import Arrays, CorrelationReply, Letter, RanksReply, StatisticsReply, TrainingReply
from common.messages.masking import MaskedRequest
from common.messages.shared import CoMomentColumns
from common.pooling import Moments
from common.secure_aggregation import STATISTICS, SUMS, Vector
from common.secure_aggregation.selection_sums import correlation_numbers, rank_numbers
from common.secure_aggregation.statistics_sums import statistics_numbers
from common.secure_aggregation.training_sums import training_vector

_NOTHING = np.zeros(0, dtype=np.uint32)


def vector_of(letter: Letter, request: MaskedRequest, arrays: Arrays) -> Vector:
    """What is added up of an answer; DataError for values that no ring holds."""
    match letter.record:
        case StatisticsReply() as statistics:
            return Vector(_NOTHING, tuple(_statistics(statistics)), STATISTICS)
        case RanksReply() as ranks:
            return Vector(_NOTHING, tuple(rank_numbers(ranks.ranks.rank_sums())), SUMS)
        case CorrelationReply(products=CoMomentColumns() as products):
            return Vector(_NOTHING, tuple(correlation_numbers(products.co_moments())), SUMS)
        case TrainingReply() as training:
            return training_vector(
                patients=training.patients,
                loss=training.loss,
                validation=training.validation,
                before=arrays,
                after=letter.arrays,
                all_patients=request.patients,
            )
        case other:
            raise PeerError(f"an answer of the kind {other.kind} is no sum; the exchange is refused")


def _statistics(reply: StatisticsReply) -> list[int]:
    parts: dict[str, Moments] = {"radiomics": reply.radiomics.moments(), "clinical": reply.clinical.moments()}
    return [number for what, part in parts.items() for number in statistics_numbers(part, what=what)]
