"""The bins of all sites' scores, laid beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from common.errors import DataError
from common.pooling.checks import Counts, Flags, Values
from common.pooling.score_summary import ScoreSummary

NARROWEST_BIN = 1e-6


@dataclass(frozen=True)
class Bins:
    """Bins (b,) of all sites: whose, between what, how far they reach if open, and patients by class."""

    site: Counts
    low: Values
    high: Values
    first: Values
    last: Values
    positive: Values
    negative: Values

    @property
    def pairs(self) -> Values:
        return self.positive[:, None] * self.negative

    @property
    def own(self) -> Flags:
        return np.equal(self.site[:, None], self.site)

    @property
    def right(self) -> Flags:
        """Bins (rows) that lie wholly above others."""
        return np.greater_equal(self.low[:, None], self.high)

    @property
    def wrong(self) -> Flags:
        return np.less_equal(self.high[:, None], self.low)


def even_credit(bins: Bins) -> Values:
    """Chance that an even draw from bin i exceeds one from bin j (b, b)."""
    width = bins.last - bins.first

    def below(edge: Values) -> Values:
        """Integral up to `edge` of the share of bin j below it."""
        inside = np.clip(edge[:, None] - bins.first, 0, width)
        return np.asarray(inside**2 / (2 * width) + np.maximum(edge[:, None] - bins.last, 0))

    return np.asarray(((below(bins.last) - below(bins.first)) / width[:, None]).clip(0, 1))


def bins_of(summaries: Sequence[ScoreSummary]) -> Bins:
    """Bins of all sites; DataError without sites, and for a summary that contradicts itself."""
    if not summaries:
        raise DataError("no site gave a summary of its scores: wait for one, or lower the quorum")
    for one in summaries:
        _check(one)
    ends = np.array([one.ends for one in summaries if one.ends is not None] or [(0.0, 1.0)])
    # a site too small to say where its patients are has them where those of others are
    usual = np.median(ends, axis=0)
    reach = [usual if one.ends is None else one.ends for one in summaries]
    first = np.concatenate([[low, *one.edges] for one, (low, _) in zip(summaries, reach, strict=True)])
    last = np.concatenate([[*one.edges, high] for one, (_, high) in zip(summaries, reach, strict=True)])
    return Bins(
        site=np.repeat(np.arange(len(summaries)), [len(one.positive) for one in summaries]),
        low=np.concatenate([[-np.inf, *one.edges] for one in summaries]),
        high=np.concatenate([[*one.edges, np.inf] for one in summaries]),
        first=first,
        last=np.maximum(last, first + NARROWEST_BIN * np.maximum(1.0, np.abs(first))),
        positive=np.concatenate([one.positive for one in summaries]).astype(float),
        negative=np.concatenate([one.negative for one in summaries]).astype(float),
    )


def _check(one: ScoreSummary) -> None:
    counted = sum(one.positive) == one.n_positive and sum(one.negative) == one.n_negative
    fits = len(one.positive) == len(one.negative) == len(one.edges) + 1 and (np.diff(one.edges) > 0).all()
    finite = np.isfinite([*one.edges, *(one.ends or ()), one.variance_positive, one.variance_negative]).all()
    if not (counted and fits and finite and 0 <= one.u <= one.n_positive * one.n_negative):
        raise DataError(
            f"a summary of {one.n_positive} positive and {one.n_negative} negative patients contradicts its bins: "
            "let its site send it again"
        )
