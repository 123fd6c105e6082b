"""What a site says of a model: sums, areas, guarded summaries of scores, effects and binned curves."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Self

from pydantic import FailFast, Field, model_validator

from common.errors import DataError
from common.messages.record import Count, Part
from common.messages.shared import Counts, Number, Numbers, Positive, check_lengths
from common.pooling import ScoreSummary, SurvivalCounts
from common.pooling.score_bins import bins_of

LONGEST_DAYS, BIN_DAYS = 3600, 30
"""Survival curves leave a site in intervals of this many days, or several times as many."""
Share = Annotated[float, Field(ge=0, le=1)]
Loss = Annotated[float, Field(ge=0, le=1e12)]


class Validation(Part):
    """How weights do on a site's validation patients, as sums that add up over sites."""

    patients: Count
    slices: Count
    loss_sum: Loss
    """Cross-entropy summed over slices."""
    concordant_pairs: Annotated[float, Field(ge=0)]
    """Pairs of a positive and a negative patient in the right order; ties count one half."""
    pairs: Annotated[int, Field(ge=0, le=10**14)]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        # an area times the pairs may round up
        if self.concordant_pairs > self.pairs * (1 + 1e-9):
            raise ValueError(f"{self.concordant_pairs:g} of {self.pairs} pairs are in the right order")
        return self


class SiteAuc(Part):
    """An area under the ROC curve with DeLong's interval."""

    auc: Share
    ci_low: Share
    ci_high: Share
    n: Count
    n_positive: Count


class SiteEffect(Part):
    """A log hazard ratio of a Cox model with one covariate."""

    log_hazard_ratio: Annotated[float, Field(ge=-1e9, le=1e9)]
    standard_error: Annotated[float, Field(ge=1e-9, le=1e9)]
    n: Count
    events: Count


class SurvivalBins(Part):
    """`common.pooling.SurvivalCounts` of one group."""

    edges: Numbers
    events: Annotated[tuple[Positive, ...], FailFast()]
    censored: Annotated[tuple[Positive, ...], FailFast()]
    n: Count

    @model_validator(mode="after")
    def _fits(self) -> Self:
        check_lengths(self.edges[1:], self.events, self.censored)
        if self.edges[:1] + self.edges[-1:] != (0.0, LONGEST_DAYS) or any(edge % BIN_DAYS for edge in self.edges):
            raise ValueError(f"intervals go from day 0 to day {LONGEST_DAYS} in steps of {BIN_DAYS}, or several steps")
        if sorted(set(self.edges)) != list(self.edges) or sum(self.events) + sum(self.censored) > self.n + 1e-6:
            raise ValueError("the intervals do not rise, or more patients leave than there were")
        return self

    @classmethod
    def of(cls, counts: SurvivalCounts) -> Self:
        """From the counts of a site."""
        columns = {name: tuple(map(float, getattr(counts, name))) for name in ("edges", "events", "censored")}
        return cls(**columns, n=counts.n)

    def counts(self) -> SurvivalCounts:
        """The same as counts."""
        return SurvivalCounts(self.edges, self.events, self.censored, self.n)


class Scores(Part):
    """`common.pooling.ScoreSummary`: scores of a site's patients without any patient's score."""

    n_positive: Count
    n_negative: Count
    u: Number
    variance_positive: Share
    variance_negative: Share
    edges: Numbers
    positive: Counts
    negative: Counts
    ends: tuple[Number, Number] | None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        try:
            bins_of([self.summary()])
        except DataError as error:
            raise ValueError(str(error)) from error
        return self

    @classmethod
    def of(cls, summary: ScoreSummary) -> Self:
        """From the summary of a site."""
        return cls(**asdict(summary))

    def summary(self) -> ScoreSummary:
        """The same as a summary."""
        return ScoreSummary(**{name: getattr(self, name) for name in type(self).model_fields})
