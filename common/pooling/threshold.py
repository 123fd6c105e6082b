"""An operating point over all sites' patients, from summaries that hold no patient's score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from common.errors import DataError
from common.pooling.score_bins import bins_of
from common.pooling.score_summary import ScoreSummary


def pooled_youden(summaries: Sequence[ScoreSummary]) -> float:
    """The edge, in log-odds, with the largest sum of sensitivity and specificity, patients spread evenly in each bin.

    DataError when a class is empty or no site has two bins. Source: Youden 1950,
    doi:10.1002/1097-0142(1950)3:1<32::AID-CNCR2820030106>3.0.CO;2-3.
    """
    bins = bins_of(summaries)
    edges = np.unique([edge for one in summaries for edge in one.edges])
    if not edges.size or not bins.positive.sum() or not bins.negative.sum():
        raise DataError(
            f"{len(summaries)} site(s) give no edge between scores of both classes: an operating point needs one; "
            "add validation patients"
        )
    width = bins.last - bins.first
    above = ((bins.last - edges[:, None]) / width).clip(0, 1)
    sensitivity = above @ bins.positive / bins.positive.sum()
    specificity = (1 - above) @ bins.negative / bins.negative.sum()
    return float(edges[np.argmax(sensitivity + specificity)])
