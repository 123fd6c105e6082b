"""The tables of a study file, key by key; `common.study` puts them together."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, le=1000)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
AtLeastOne = Annotated[int, Field(ge=1, le=1_000_000)]
ClinicalVariable = Literal["age", "sex", "smoking", "family_history"]


class Section(BaseModel):
    """A table of the study file; unknown keys are refused and every key must be written."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


class CohortRules(Section):
    """Who takes part (paper, Methods, PD-L1 expression dataset and Immunotherapy dataset)."""

    label_tps: Annotated[float, Field(gt=0, le=100)]
    """A patient is positive when TPS is at least this (percent); the paper's 50."""
    excluded_kernels: tuple[str, ...]
    """Reconstruction kernels that make a CT low in quality; the paper's 30f, which B30f and I30f are as well."""
    immunotherapy_requires: tuple[ClinicalVariable, ...]
    """Clinical variables without which a patient of the immunotherapy cohort is excluded."""
    maximum_quarantined: Fraction
    """The run stops when a larger part of the cohort than this is in quarantine."""


class Division(Section):
    """Shares of a stratified random division; a `split` written in cohort.csv comes first."""

    training: Fraction
    """Share that everything is fitted on; the paper's 0.8."""
    validation: Fraction
    """Share that chooses the best epoch; the paper's 0.1."""
    test: Fraction
    """Share that judges; the paper's 0.1."""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        total = self.training + self.validation + self.test
        if abs(total - 1) > 1e-9:
            raise ValueError(f"training, validation and test add up to {total:g}, they must add up to 1")
        return self


class Resampling(Section):
    """The grid that radiomics and patches are computed on."""

    spacing_mm: tuple[Positive, Positive, Positive]
    """Voxel size x, y, z in mm; the paper's 1 x 1 x 1."""
    rounding: Literal["whole-hu", "truncate"]
    """whole-hu: B-spline in float64, rounded (IBSI); truncate: what PyRadiomics does with integer CT."""


class Patches(Section):
    """The network's view of a tumour (paper, Delineation of the ROI)."""

    margin_pixels: Annotated[int, Field(ge=0, le=5)]
    """Pixels added on each side of the bounding box of the largest slice; the paper's 5."""
    slices: Literal[1, 3]
    """Slices a patient: the largest, or it and its upper and lower neighbours; the paper's 3."""
    size_pixels: Annotated[int, Field(ge=32, le=512)]
    """Edge of the square patch; the paper's 112."""
    window_hu: tuple[float, float]
    """Lower and upper HU that become black and white."""

    @model_validator(mode="after")
    def _window_opens(self) -> Self:
        if self.window_hu[0] >= self.window_hu[1]:
            raise ValueError(f"window_hu is {list(self.window_hu)}, its first value must be below its second")
        return self


ImageType = Literal["Original", "Wavelet", "LoG", "Square", "SquareRoot", "Logarithm", "Exponential", "Gradient"]
FeatureClass = Literal["shape", "firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm"]


class Radiomics(Section):
    """PyRadiomics settings; the presets' give the paper's 1316 features."""

    bin_width: Positive
    """Width of a grey-level bin in HU."""
    force_2d: bool
    """Textures and wavelets slice by slice, which gives the two-lettered wavelets the paper names."""
    log_sigmas_mm: tuple[Positive, ...]
    """Widths of the Laplacian of Gaussian filter in mm."""
    image_types: Annotated[tuple[ImageType, ...], Field(min_length=1)]
    """Filters, in PyRadiomics' names."""
    feature_classes: Annotated[tuple[FeatureClass, ...], Field(min_length=1)]
    """Feature classes, in PyRadiomics' names."""


class Clinical(Section):
    """The clinical variables (paper, Data preprocessing)."""

    imputation_neighbours: AtLeastOne
    """Nearest training patients a missing value is averaged over, weighted by distance; the paper's 3."""


class Selection(Section):
    """Mann-Whitney U on the training patients (paper, Establishment of the signature)."""

    p_value: Annotated[float, Field(gt=0, le=1)]
    """A radiomic feature stays when its two-sided p is below this."""
    maximum_features: AtLeastOne
    """At most this many stay, those with the smallest p."""


class Network(Section):
    """The fusion network (paper, Figure 1)."""

    trunk: Literal["densenet121"]
    """Network that turns a patch into deep features."""
    hidden_units: tuple[AtLeastOne, ...]
    """Widths of the hidden layers of the fully connected classifier; empty for none."""
    dropout: Annotated[float, Field(ge=0, lt=1)]
    """Share of the classifier's inputs dropped in training."""
    normalization: Literal["batch", "group", "frozen"] = "batch"
    """batch: DenseNet121's own; group: GroupNorm; frozen: BatchNorm with the pretrained file's statistics, fixed."""
    pretrained_file: str | None = None
    """The trunk's first weights: torchvision's densenet121 file, or a signature's model.safetensors; absent: random."""


class Stage(Section):
    """One stage of training."""

    epochs: AtLeastOne
    """Passes over the training patients; the paper's 20."""
    learning_rate: Positive
    """Adam's learning rate; the paper's 1e-4, 1e-5 and 1e-6."""


class Training(Section):
    """Cross-entropy and Adam in stages; each starts from and keeps the best on validation."""

    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]
    """The stages in their order."""
    batch_size: Annotated[int, Field(ge=2)]
    """Slices a step."""
    slices_per_epoch: Literal["one", "all"]
    """one: a random slice of each patient an epoch; all: every slice of each patient."""
    best_by: Literal["auc", "loss"]
    """What the best epoch is best in, on the validation patients."""
    weight_decay: Annotated[float, Field(ge=0)]
    """Adam's weight decay."""
    flips_and_rotations: bool
    """Random flips and quarter turns of each patch in training."""


class Evaluation(Section):
    """How the signature is judged (paper, Establishment and evaluation of the signature)."""

    redivisions: Annotated[int, Field(ge=0, le=20)]
    """How often validation and test patients are divided anew and PD-L1ES is trained again; the paper's 2."""
    tube_current_cut_ma: Annotated[float, Field(gt=0)]
    """Subgroups: below, and from this tube current on; the paper's 290, its median."""
    slice_thickness_cut_mm: Positive
    """Subgroups: slices thinner than this, and this thick or thicker; the paper's 5."""


class Survival(Section):
    """Progression-free survival under immunotherapy (paper, Statistical analysis)."""

    cutoff: Literal["xtile", "median"] | float
    """How PD-L1ES is divided: xtile searches the largest log-rank statistic; a number is used as is."""
    minimum_share: Annotated[float, Field(gt=0, lt=0.5)]
    """The search leaves at least this part of the patients on each side."""
    permutations: AtLeastOne
    """Permutations of the outcomes that correct the p of a searched cut-off."""
    horizons_days: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)]
    """Days at which PD-L1ES is judged by time-dependent AUC: 6 and 12 months."""

    @field_validator("cutoff", mode="before")
    @classmethod
    def _known_rule(cls, value: object) -> object:
        if value not in ("xtile", "median") and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise ValueError(f"{value!r} is no rule; write 'xtile', 'median' or a number")
        return value
