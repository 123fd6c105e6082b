"""The content of signature.json: everything of a signature but its weights."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from common.network import Parts
from common.signature.card import ModelCard, Name, Sealed, Sha256, Share
from common.study import ClinicalVariable, Network, Patches, Radiomics, Resampling

FORMAT = 2
Deviation = Annotated[float, Field(gt=0)]


class SealedScaling(Sealed):
    """z-scores as fitted on the training patients."""

    mean: tuple[float, ...]
    deviation: tuple[Deviation, ...]


class SealedSettings(Sealed):
    """How the inputs of the network are computed from CT."""

    resampling: Resampling
    patches: Patches
    radiomics: Radiomics
    network: Network


class Description(Sealed):
    """Everything of a signature but its weights; a missing clinical value is the training mean."""

    format: Literal[2] = 2
    synthetic: bool
    label_tps: Annotated[float, Field(gt=0, le=100)]
    radiomic_features: tuple[Name, ...]
    radiomics_scaling: SealedScaling
    clinical_variables: tuple[ClinicalVariable, ...]
    clinical_scaling: SealedScaling
    settings: SealedSettings
    operating_point: Share | None
    """A patient is called positive when PD-L1ES is at least this."""
    cutoff: float | None
    """PD-L1ES above this is high in survival."""
    study_sha256: Sha256
    card: ModelCard
    weights_sha256: Sha256
    """Of model.safetensors."""
    card_sha256: Sha256
    """Of model_card.md."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for names, scaling in (
            (self.radiomic_features, self.radiomics_scaling),
            (self.clinical_variables, self.clinical_scaling),
        ):
            if {len(names), len(set(names))} != {len(scaling.mean)} or len(scaling.mean) != len(scaling.deviation):
                raise ValueError(
                    f"{len(names)} columns have {len(scaling.mean)} means and {len(scaling.deviation)} deviations"
                )
        return self

    def parts(self) -> Parts:
        """What the network sees."""
        return Parts(patches=True, radiomics=len(self.radiomic_features), clinical=len(self.clinical_variables))
