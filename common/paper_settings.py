"""The paper's settings, the defaults wherever no study is given."""

from __future__ import annotations

from common.study import CohortRules, Evaluation, Patches, Radiomics, Resampling, Survival

PAPER_COHORT = CohortRules(
    label_tps=50,
    excluded_kernels=("30f",),
    immunotherapy_requires=("age", "sex", "smoking", "family_history"),
    maximum_quarantined=0.05,
)

PAPER_RESAMPLING = Resampling(spacing_mm=(1.0, 1.0, 1.0), rounding="whole-hu")

PAPER_PATCHES = Patches(margin_pixels=5, slices=3, size_pixels=112, window_hu=(-1000, 400))

PAPER_RADIOMICS = Radiomics(
    bin_width=25,
    force_2d=True,
    log_sigmas_mm=(1, 2, 3, 4),
    image_types=("Original", "Wavelet", "LoG", "Square", "SquareRoot", "Logarithm", "Exponential", "Gradient"),
    feature_classes=("shape", "firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm"),
)

PAPER_EVALUATION = Evaluation(redivisions=2, tube_current_cut_ma=290, slice_thickness_cut_mm=5)

PAPER_SURVIVAL = Survival(cutoff="xtile", minimum_share=0.1, permutations=2000, horizons_days=(183, 365))
