"""The table [privacy] of a study file: what differential privacy promises a training patient, and what it covers."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from common.study_sections import Positive, Section

Name = Annotated[str, Field(min_length=1, max_length=120)]
Range = tuple[float, float]


class Privacy(Section):
    """Weights under differential privacy by Opacus, the patient as the unit; absent, weights speak of patients."""

    epsilon: Annotated[float, Field(gt=0, le=1000)]
    """Most that a site's training patients lose over the whole study: all rounds, restarts and noised releases."""
    delta: Annotated[float, Field(gt=0, lt=0.01)]
    """Probability with which the promise may fail; at most 1 / (10 x training patients), at every site."""
    mode: Literal["head", "full"]
    """head: the classifier learns, the trunk from a file does not; full: everything learns, at a cost in AUC."""
    clipping_norm: Positive
    """Length that a patient's gradient is cut to before noise is added."""
    statistics: Literal["exact", "noised"]
    """exact: scaling and selection are outside of the promise; noised: both within, over features with a range."""
    statistics_noise: Positive
    """noised: standard deviation of the noise on each of the two releases, in lengths of what one patient can add."""
    validation: Literal["exact", "withheld"]
    """exact: sums over validation patients, not covered, choose the best weights; withheld: the last ones count."""
    age_range: Range
    """noised: lowest and highest age in years; values beyond are cut."""
    ranges: dict[Name, Range]
    """noised: the radiomic features that take part, each with its lowest and highest value, known without patients."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for name, (low, high) in {"age_range": self.age_range, **self.ranges}.items():
            if low >= high:
                raise ValueError(
                    f"the range of {name} is {low:g} to {high:g}, its first value must be below its second"
                )
        if self.statistics == "noised" and not self.ranges:
            raise ValueError(
                "statistics are noised without ranges, and a value without bounds cannot be hidden; name the radiomic "
                "features that take part in [privacy.ranges]"
            )
        return self
