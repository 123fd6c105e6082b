"""The table [federation] of a study file: who takes part, how weights are averaged, what is refused."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from common.secure_aggregation.threshold import FEWEST_SITES
from common.study_sections import AtLeastOne, Fraction, Positive, Section
from common.update_format import UpdateFormat

SiteName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")]
Seconds = Annotated[float, Field(gt=0, le=7 * 24 * 3600)]


class Federation(Section):
    """Several sites, one signature; absent from the study of a single site."""

    roster: Annotated[tuple[SiteName, ...], Field(min_length=1)]
    """The sites that may take part: lower-case letters, digits and hyphens; a site that is not here gets nothing."""
    quorum: AtLeastOne
    """With fewer sites than this a phase or round is not done: the run stops and can be resumed."""
    deadline_seconds: Seconds
    """How long the server waits for all sites in each exchange."""
    grace_seconds: Seconds
    """How much longer it waits after the deadline while the quorum is missing."""
    local_epochs: AtLeastOne
    """Passes over a site's training patients a round; each stage's epochs are divided into such rounds."""
    local_batch_size: Annotated[int, Field(ge=2)]
    """Slices a step at a site; smaller than training.batch_size, so that sites take as many steps as pooling would."""
    aggregation: Literal["fedavg", "fedprox", "fedadam", "fedbn", "trimmed-mean", "median"]
    """How a round's weights become one; fedavg, fedprox and fedbn weigh by training patients."""
    proximal_mu: Annotated[float, Field(ge=0)]
    """fedprox: weight of half the squared distance from the round's first weights in the loss of a site."""
    server_learning_rate: Positive
    """fedadam: step of the server's Adam."""
    trimmed_share: Annotated[float, Field(ge=0, lt=0.5)]
    """trimmed-mean: part of the sites left out at each end, weight by weight."""
    largest_update: Annotated[float, Field(gt=1)]
    """An update this many times as long, a training patient, as the median of the sites' is flagged as too large."""
    too_large: Literal["refuse", "flag", "unchecked"]
    """refuse: a flagged update is left out of the round; flag: it is named and taken; unchecked: secure aggregation."""
    update_format: UpdateFormat
    """How a site sends its round: float32 whole weights; float16, int8 their changes in fewer bits, compressed."""
    correlation: Fraction
    """Of features whose correlation over all sites is above this, only the one with the smallest p stays; 1 for all."""
    cross_site: bool
    """Every site also trains alone, and its model is judged at every site."""
    secure_aggregation: bool
    """Statistics, selection and training reach the server as masked sums over 3 or more sites, never one site alone."""
    masking_threshold: Annotated[float, Field(gt=0.5, le=1)]
    """secure_aggregation: part of an exchange's sites that must stay for its sum; fewer together uncover nobody."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(set(self.roster)) < len(self.roster):
            raise ValueError("roster names a site twice; a site stands there once")
        if self.quorum > len(self.roster):
            raise ValueError(f"quorum is {self.quorum}, the roster has {len(self.roster)} sites; lower it")
        if self.aggregation == "trimmed-mean" and int(self.trimmed_share * self.quorum) < 1:
            raise ValueError(
                f"trimmed_share is {self.trimmed_share:g}, of {self.quorum} sites it leaves nobody out; raise it"
            )
        if self.too_large == "unchecked" and not self.secure_aggregation:
            raise ValueError("too_large is unchecked, every update can be looked at; write refuse or flag")
        if self.secure_aggregation:
            self._check_masked()
        return self

    def _check_masked(self) -> None:
        if min(self.quorum, len(self.roster)) < FEWEST_SITES:
            raise ValueError(
                f"secure_aggregation with a roster of {len(self.roster)} and a quorum of {self.quorum}: of fewer than "
                f"{FEWEST_SITES} sites a sum gives single sites away; raise them to {FEWEST_SITES} or more"
            )
        if self.aggregation not in ("fedavg", "fedprox", "fedadam"):
            raise ValueError(
                f"aggregation is {self.aggregation} with secure_aggregation, whose server knows sums only; "
                "choose fedavg, fedprox or fedadam"
            )
        if self.update_format != "float32":
            raise ValueError(
                f"update_format is {self.update_format} with secure_aggregation, whose masks fill every bit; "
                "write float32"
            )
        if self.too_large != "unchecked":
            raise ValueError(
                f"too_large is {self.too_large} with secure_aggregation, under which nobody can look at a single "
                "update; write unchecked"
            )
        if self.cross_site:
            raise ValueError(
                "cross_site is true with secure_aggregation, but would send the server each site's own model; "
                "set it to false"
            )
