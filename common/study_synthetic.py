"""The table [synthetic] of a study file: how many patients, what is written into them, and their sites."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from common.study_sections import Count, Fraction, Section

Strength = Annotated[float, Field(ge=0)]
Spread = Annotated[float, Field(ge=0, le=5)]


class Signal(Section):
    """How strongly PD-L1 is written into each part of a synthetic patient, in standard deviations between classes."""

    border: Strength
    """Ring outside the mask: the network's part."""
    texture: Strength
    """Texture inside the mask: the part of radiomics."""
    clinical: Strength
    """Clinical variables."""
    hazard: Strength
    """Log hazard of progression a standard deviation of the latent score."""
    age_hazard: Strength
    """Log hazard of progression ten years of age."""


class Sites(Section):
    """How the synthetic cohort is divided over sites, and how these differ; absent when there is one site."""

    count: Annotated[int, Field(ge=1, le=64)]
    """Number of sites."""
    size_ratio: Annotated[float, Field(ge=1, le=1000)]
    """Patients of the largest site for one of the smallest; the sizes between are geometric."""
    prevalence_spread: Spread
    """SD between sites of the log odds of a high TPS, equally spaced; 0 for the same prevalence everywhere."""
    scanner_mix: Fraction
    """0: each site draws manufacturers as the whole cohort; 1: each site has one manufacturer."""
    thickness_mix: Fraction
    """0: each site draws slice thicknesses as the whole cohort; 1: each site has one slice thickness."""
    tube_current_spread: Spread
    """SD between sites of the logarithm of a factor on the tube current, equally spaced."""
    missing_spread: Fraction
    """Unknown smoking and family history: part by which their rate falls from site to site; 0: never, 1: all at one."""


class Synthetic(Section):
    """The synthetic cohort; absent from the study of real hospitals."""

    training: Count
    """Training patients of the expression cohort; the paper's 750."""
    validation: Count
    """Validation patients of the expression cohort; the paper's 93."""
    test: Count
    """Test patients of the expression cohort; the paper's 96."""
    immunotherapy: Count
    """Patients of the immunotherapy cohort; the paper's 94."""
    low_quality: Count
    """Patients beside these whose CT has an excluded kernel."""
    signal: Signal
    """Where PD-L1 is written, and how strongly."""
    sites: Sites | None = None
    """How the cohort is divided over sites; left out, it is that of one site."""
