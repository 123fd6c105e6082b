"""The paper's settings for images, the defaults wherever no study is given."""

from __future__ import annotations

from common.study import Patches, Radiomics, Resampling

PAPER_RESAMPLING = Resampling(spacing_mm=(1.0, 1.0, 1.0), rounding="whole-hu")

PAPER_PATCHES = Patches(margin_pixels=5, slices=3, size_pixels=112, window_hu=(-1000, 400))

PAPER_RADIOMICS = Radiomics(
    bin_width=25,
    force_2d=True,
    log_sigmas_mm=(1, 2, 3, 4),
    image_types=("Original", "Wavelet", "LoG", "Square", "SquareRoot", "Logarithm", "Exponential", "Gradient"),
    feature_classes=("shape", "firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm"),
)
