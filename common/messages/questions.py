"""The requests of the aggregation server, one a message kind."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from common.messages.record import Count, Request, Sha256
from common.messages.shared import WEIGHTS, ColumnScaling, Names, Preparation
from common.phases import Phase

Round = Annotated[int, Field(ge=-1, le=1_000_000)]
"""Counted over all stages, from 0; -1 stands for the first weights, and for models of other trainings."""

RunId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
"""One run of a study; what a site kept of another run does not count."""


class DescribeRequest(Request):
    """Who are you, and do you run what I run?"""

    phase: ClassVar[Phase] = "describe"
    kind: ClassVar[str] = "describe"
    code_sha256: Sha256
    settings_sha256: Sha256


class StatisticsRequest(Request):
    """Means and spreads of the training patients' values."""

    phase: ClassVar[Phase] = "statistics"
    kind: ClassVar[str] = "statistics"


class RanksRequest(Request):
    """Rank sums of every radiomic feature between positive and negative training patients."""

    phase: ClassVar[Phase] = "selection"
    kind: ClassVar[str] = "ranks"


class CorrelationRequest(Request):
    """Cross products of the features that passed the test, so that near-copies can be left out."""

    phase: ClassVar[Phase] = "selection"
    kind: ClassVar[str] = "correlation"
    radiomic_features: Names
    radiomics: ColumnScaling


class TrainingRequest(Request):
    """Judge these weights on your validation patients, then train from them, or either."""

    phase: ClassVar[Phase] = "training"
    kind: ClassVar[str] = "training"
    array_names: ClassVar[frozenset[str]] = WEIGHTS
    run: RunId
    preparation: Preparation
    weights_round: Round
    """The round these weights come from."""
    best_round: Round
    stage: Count
    round: Count
    """Counted over all stages, from 0."""
    first_epoch: Count
    """Epoch of the stage that the round begins with."""
    epochs: Count
    """0 to judge only."""
    validate_weights: bool


class AloneRequest(Request):
    """Select, standardise and train on your own patients alone, for the comparison over sites."""

    phase: ClassVar[Phase] = "evaluation"
    kind: ClassVar[str] = "alone"


class EvaluationRequest(Request):
    """Judge these weights on your test patients."""

    phase: ClassVar[Phase] = "evaluation"
    kind: ClassVar[str] = "evaluation"
    array_names: ClassVar[frozenset[str]] = WEIGHTS
    run: RunId
    preparation: Preparation
    weights_round: Round
    model: Annotated[str, Field(max_length=80)]
    """federated, or the site whose model trained alone this is."""


class SurvivalRequest(Request):
    """Score the immunotherapy cohort; with a cut-off, compare high and low."""

    phase: ClassVar[Phase] = "survival"
    kind: ClassVar[str] = "survival"
    array_names: ClassVar[frozenset[str]] = WEIGHTS
    run: RunId
    preparation: Preparation
    weights_round: Round
    cutoff: float | None
    """None to be told the site's median score first."""
