"""What a signature says of itself beside what it needs to be computed: the model card's data."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.study import ClinicalVariable

Text = Annotated[str, Field(max_length=2000)]
Name = Annotated[str, Field(max_length=200)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Share = Annotated[float, Field(ge=0, le=1)]
Patients = Annotated[int, Field(ge=0, le=10**9)]
Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class Sealed(BaseModel):
    """A part of signature.json: unknown keys, NaN and infinity are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DivisionSize(Sealed):
    """Patients of one division of one site; positives are null where they are withheld or not known."""

    patients: Patients
    positives: Patients | None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.positives is not None and self.positives > self.patients:
            raise ValueError(f"{self.positives} of {self.patients} patients are positive")
        return self


class Area(Sealed):
    """An area under the ROC curve with its 95% interval."""

    auc: Share
    ci_low: Share
    ci_high: Share
    n: Patients
    n_positive: Patients


class HazardRatio(Sealed):
    """High to low PD-L1ES at the sealed cut-off, with its 95% interval."""

    hazard_ratio: Annotated[float, Field(gt=0)]
    ci_low: Annotated[float, Field(ge=0)]
    ci_high: Annotated[float, Field(gt=0)]


class NotKnown(Sealed):
    """Why a number is not there."""

    not_computed: Text


class Performance(Sealed):
    """What was measured where the signature was trained."""

    discrimination: dict[Name, Area | NotKnown]
    """By division, or `test` over all sites."""
    test_by_site: dict[Name, Area | NotKnown]
    survival: HazardRatio | NotKnown


class PrivacyBudget(Sealed):
    """What differential privacy promises a patient who was trained on."""

    epsilon: Annotated[float, Field(gt=0)]
    delta: Annotated[float, Field(gt=0, lt=1)]


class ModelCard(Sealed):
    """Whom a signature comes from, what it is for, what it reached, and what it must not be used for."""

    study: Name
    sealed_on: Day
    """The day it was sealed, in UTC."""
    seed: Annotated[int, Field(ge=0)]
    code_sha256: Sha256
    versions: dict[Name, Name]
    sites: dict[Name, dict[Name, DivisionSize]]
    """By site and division."""
    withheld: dict[Name, tuple[Text, ...]]
    """What sites did not tell, and why."""
    intended_use: Text
    out_of_scope: tuple[Text, ...]
    limits: tuple[Text, ...]
    differential_privacy: Literal["none"] | PrivacyBudget
    performance: Performance
    operating_point: Text
    """How it was chosen, or why there is none."""
    cutoff: Text
    """How it was chosen, or why there is none."""
    clinical_missing: dict[ClinicalVariable, Share]
    """Share of training patients without a value; empty where it is not known."""
    acquisition: dict[Name, dict[Name, Patients]]
    """Training patients by manufacturer, kernel and slice thickness; empty where it is not known."""

    def count(self, division: str) -> int:
        """Patients of a division at all sites."""
        return sum(one[division].patients for one in self.sites.values() if division in one)

    def positive_share(self, division: str) -> float | None:
        """Share of positive patients of a division at the sites that tell; None when none does."""
        told = [one[division] for one in self.sites.values() if division in one]
        known = [(one.positives, one.patients) for one in told if one.positives is not None]
        patients = sum(number for _, number in known)
        return sum(positives for positives, _ in known) / patients if patients else None


SMALL_SITE = 50
"""Training patients below which a site is called small."""
INTENDED_USE = (
    "Research on PD-L1 expression and progression-free survival in lung cancer: scores patients from CT with a tumour "
    "mask, age, sex, smoking and family history, to be validated on a centre's own patients first."
)
OUT_OF_SCOPE = (
    "Care of patients: it is no medical device, and nobody may be treated or not treated because of it.",
    "Replacing a PD-L1 stain.",
    "Other tumours, other images than CT, CT without a tumour mask, other settings than the sealed ones.",
)


def limits(*, synthetic: bool, smallest_site: int, withheld: bool, sites: int) -> tuple[str, ...]:
    """The limits that follow from how a signature came about."""
    few = f"The smallest site has {smallest_site} training patients, so little of it is in the signature."
    found = {
        "SYNTHETIC: every patient, scan and outcome it learned from was made by a computer; its scores say nothing "
        "about people.": synthetic,
        "It was trained at one site, on its scanners and its patients.": sites == 1,
        few: sites > 1 and smallest_site < SMALL_SITE,
        "Sites withheld numbers of too few patients; they are named, and no total has them.": withheld,
        "Its probabilities are not calibrated to another centre's share of positive patients.": True,
        "Performance was measured at the sites that trained it; at another centre it may be lower.": True,
    }
    return tuple(sentence for sentence, true in found.items() if true)
