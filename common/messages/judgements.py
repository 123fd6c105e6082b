"""What a site says of a model: sums, areas, guarded summaries of scores, effects and binned curves."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Self

from pydantic import Field

from common.messages.record import Count, Part
from common.messages.shared import Counts, Numbers
from common.pooling import ScoreSummary, SurvivalCounts

Share = Annotated[float, Field(ge=0, le=1)]


class Validation(Part):
    """How weights do on a site's validation patients, as sums that add up over sites."""

    patients: Count
    slices: Count
    loss_sum: float
    """Cross-entropy summed over slices."""
    concordant_pairs: float
    """Pairs of a positive and a negative patient in the right order; ties count one half."""
    pairs: Count


class SiteAuc(Part):
    """An area under the ROC curve with DeLong's interval."""

    auc: Share
    ci_low: Share
    ci_high: Share
    n: Count
    n_positive: Count


class SiteEffect(Part):
    """A log hazard ratio of a Cox model with one covariate."""

    log_hazard_ratio: float
    standard_error: Annotated[float, Field(gt=0)]
    n: Count
    events: Count


class SurvivalBins(Part):
    """`common.pooling.SurvivalCounts` of one group."""

    edges: Numbers
    events: Numbers
    censored: Numbers
    n: Count

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
    u: float
    variance_positive: float
    variance_negative: float
    edges: Numbers
    positive: Counts
    negative: Counts
    ends: tuple[float, float] | None

    @classmethod
    def of(cls, summary: ScoreSummary) -> Self:
        """From the summary of a site."""
        return cls(**asdict(summary))

    def summary(self) -> ScoreSummary:
        """The same as a summary."""
        return ScoreSummary(**{name: getattr(self, name) for name in type(self).model_fields})
