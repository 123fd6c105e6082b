"""Pieces that several records carry."""

from __future__ import annotations

from collections.abc import Sized
from typing import Annotated, Self, get_args

import numpy as np
from pydantic import FailFast, Field, model_validator

from common.messages.record import Count, Part
from common.pooling import CoMoments, Moments, RankSums
from common.scaling import Scaling
from common.study_sections import ClinicalVariable

Number = Annotated[float, Field(ge=-1e100, le=1e100)]
"""Far from overflow in sums and squares, so that no site can bring an infinity into them."""
Positive = Annotated[float, Field(ge=0, le=1e100)]
Deviation = Annotated[float, Field(gt=0, le=1e100)]
Numbers = Annotated[tuple[Number, ...], FailFast()]
Counts = Annotated[tuple[Count, ...], FailFast()]
Names = Annotated[tuple[Annotated[str, Field(max_length=120)], ...], FailFast()]
CLINICAL_VARIABLES = len(get_args(ClinicalVariable))
WEIGHTS = frozenset({"parameters", "buffers"})
"""The two flat arrays of a network: what training moves, and the running statistics of its BatchNorm layers."""


def check_lengths(*columns: Sized) -> None:
    """ValueError unless all have as many values."""
    if len(sizes := sorted({len(column) for column in columns})) > 1:
        raise ValueError(f"columns of {' and '.join(map(str, sizes))} values; give as many in each")


class ColumnScaling(Part):
    """z-scores of columns."""

    mean: Numbers
    deviation: Annotated[tuple[Deviation, ...], FailFast()]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        check_lengths(self.mean, self.deviation)
        return self

    @classmethod
    def of(cls, scaling: Scaling) -> Self:
        """From arrays."""
        return cls(mean=tuple(scaling.mean.tolist()), deviation=tuple(scaling.deviation.tolist()))

    def scaling(self) -> Scaling:
        """The same as arrays."""
        return Scaling(np.array(self.mean), np.array(self.deviation))


class Preparation(Part):
    """What training patients decided, of all sites or of one: the chosen features and the z-scores."""

    radiomic_features: Names
    radiomics: ColumnScaling
    clinical: ColumnScaling

    @model_validator(mode="after")
    def _fits(self) -> Self:
        check_lengths(self.radiomic_features, self.radiomics.mean)
        if len(self.clinical.mean) != CLINICAL_VARIABLES:
            raise ValueError(f"{len(self.clinical.mean)} clinical z-scores, there are {CLINICAL_VARIABLES} variables")
        return self


class MomentColumns(Part):
    """`common.pooling.Moments` of columns."""

    n: Counts
    mean: Numbers
    m2: Annotated[tuple[Positive, ...], FailFast()]
    mean_rest: Numbers
    """What rounding took off the mean."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        check_lengths(self.n, self.mean, self.m2, self.mean_rest)
        return self

    @classmethod
    def of(cls, found: Moments) -> Self:
        """From arrays."""
        rest = np.broadcast_to(found.mean_rest, found.mean.shape)
        columns = {"n": found.n, "mean": found.mean, "m2": found.m2, "mean_rest": rest}
        return cls(**{name: tuple(values.tolist()) for name, values in columns.items()})

    def moments(self) -> Moments:
        """The same as arrays."""
        return Moments(*(np.array(getattr(self, name)) for name in ("n", "mean", "m2", "mean_rest")))


class RankColumns(Part):
    """`common.pooling.RankSums` of features."""

    n_positive: Counts
    n_negative: Counts
    u: Annotated[tuple[Positive, ...], FailFast()]
    tie_term: Annotated[tuple[Positive, ...], FailFast()]
    noise_variance: Annotated[tuple[Positive, ...], FailFast()]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        check_lengths(self.n_positive, self.n_negative, self.u, self.tie_term, self.noise_variance)
        positive, negative = (np.array(part, dtype=float) for part in (self.n_positive, self.n_negative))
        if (self.u > positive * negative).any() or (self.tie_term > (positive + negative) ** 3).any():
            raise ValueError("rank sums are larger than these numbers of patients allow")
        return self

    @classmethod
    def of(cls, found: RankSums) -> Self:
        """From arrays."""
        return cls(**{name: tuple(getattr(found, name).tolist()) for name in cls.model_fields})

    def rank_sums(self) -> RankSums:
        """The same as arrays."""
        return RankSums(**{name: np.array(getattr(self, name)) for name in type(self).model_fields})


class CoMomentColumns(Part):
    """`common.pooling.CoMoments` of columns; of the symmetric products the rows are given one after another."""

    n: Count
    known: Counts
    mean: Numbers
    cross: Numbers

    @model_validator(mode="after")
    def _fits(self) -> Self:
        check_lengths(self.known, self.mean)
        check_lengths(range(len(self.mean) ** 2), self.cross)
        if any(value < 0 for value in self.cross[:: len(self.mean) + 1]):
            raise ValueError("a sum of squares is negative")
        return self

    @classmethod
    def of(cls, found: CoMoments) -> Self:
        """From arrays."""
        known, mean, cross = found.known.tolist(), found.mean.tolist(), found.cross.ravel().tolist()
        return cls(n=found.n, known=tuple(known), mean=tuple(mean), cross=tuple(cross))

    def co_moments(self) -> CoMoments:
        """The same as arrays."""
        mean = np.array(self.mean)
        return CoMoments(self.n, np.array(self.known), mean, np.array(self.cross).reshape(mean.size, mean.size))


class DivisionCounts(Part):
    """Patients and positives of one division."""

    patients: Count | None
    positives: Count | None
    """None, as `patients`, where the site's policy withholds it."""
