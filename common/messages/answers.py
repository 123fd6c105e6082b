"""The replies of a site, one a message kind: counts, sums and weights, nothing about one patient."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self, get_args

from pydantic import Field, model_validator

from common.messages.judgements import Loss, Scores, Share, SiteAuc, SiteEffect, SurvivalBins, Validation
from common.messages.record import Count, Reply, Sha256
from common.messages.shared import (
    WEIGHTS,
    CoMomentColumns,
    DivisionCounts,
    MomentColumns,
    Names,
    Preparation,
    RankColumns,
)
from common.phases import Phase
from common.update_format import PACKED

DivisionName = Literal["training", "validation", "test", "immunotherapy"]


class DescribeReply(Reply):
    """Counts of patients, and the hashes and versions that must agree."""

    phase: ClassVar[Phase] = "describe"
    kind: ClassVar[str] = "describe"
    code_sha256: Sha256
    settings_sha256: Sha256
    versions: dict[Annotated[str, Field(max_length=40)], Annotated[str, Field(max_length=40)]]
    divisions: dict[DivisionName, DivisionCounts]
    excluded: Count | None
    quarantined: Count | None
    """None, as other counts, where the site's policy withholds it."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if set(self.divisions) != set(get_args(DivisionName)):
            raise ValueError(f"divisions are {', '.join(get_args(DivisionName))}; give all of them")
        return self


class StatisticsReply(Reply):
    """Moments of the training patients' radiomic features and clinical values."""

    phase: ClassVar[Phase] = "statistics"
    kind: ClassVar[str] = "statistics"
    radiomic_features: Names
    radiomics: MomentColumns
    clinical: MomentColumns


class RanksReply(Reply):
    """Rank sums of the training patients, feature by feature."""

    phase: ClassVar[Phase] = "selection"
    kind: ClassVar[str] = "ranks"
    ranks: RankColumns


class CorrelationReply(Reply):
    """Cross products of the training patients' standardised features."""

    phase: ClassVar[Phase] = "selection"
    kind: ClassVar[str] = "correlation"
    largest_text: ClassVar[int] = 64 * 2**20
    """All 1316 features with each other."""
    products: CoMomentColumns | None


class TrainingReply(Reply):
    """Sums of the weights' judgement, and the weights after training."""

    phase: ClassVar[Phase] = "training"
    kind: ClassVar[str] = "training"
    array_names: ClassVar[frozenset[str]] = WEIGHTS
    packed_names: ClassVar[frozenset[str]] = frozenset(PACKED + name for name in WEIGHTS)
    round: Count
    patients: Count
    """Training patients, the weight of this site's update."""
    loss: Loss | None
    """Mean cross-entropy of the round; None when nothing was trained, and under differential privacy."""
    epsilon: Annotated[float, Field(ge=0)] | None = None
    """What the study has spent of this site's privacy budget so far; None without differential privacy."""
    validation: Validation | None
    """None when it was not asked for, or is withheld."""


class AloneReply(Reply):
    """The best weights of a training on this site's patients alone."""

    phase: ClassVar[Phase] = "evaluation"
    kind: ClassVar[str] = "alone"
    array_names: ClassVar[frozenset[str]] = WEIGHTS
    preparation: Preparation
    """What this site's training patients decide by themselves."""


class EvaluationReply(Reply):
    """How a model does on this site's test and validation patients."""

    phase: ClassVar[Phase] = "evaluation"
    kind: ClassVar[str] = "evaluation"
    test: SiteAuc | None
    test_scores: Scores | None
    validation_scores: Scores | None


class SurvivalReply(Reply):
    """Size and median score of the immunotherapy cohort; with a cut-off, effects and binned curves."""

    phase: ClassVar[Phase] = "survival"
    kind: ClassVar[str] = "survival"
    patients: Count | None
    median_score: Share | None
    """From the mean log-odds of the patients in the middle, as many as the site's minimum."""
    by_score: SiteEffect | None
    """Log hazard ratio of one unit of log-odds."""
    by_group: SiteEffect | None
    """Log hazard ratio of high against low at the cut-off."""
    high: SurvivalBins | None
    low: SurvivalBins | None
