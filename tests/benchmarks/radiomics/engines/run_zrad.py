"""Z-Rad, all its default features, textures averaged over slices."""

from __future__ import annotations

from collections.abc import Sequence

from harness import serve, settings
from zrad.image import Image
from zrad.preprocessing import IntensityMaskBuilder, Resegmenter, RoiData, TextureDiscretizer
from zrad.radiomics import Radiomics

HU = (-1024.0, 3071.0)
"""It bins from the lower end of a range."""


def extract(paths: Sequence[str]) -> dict[str, float]:
    image = Image.from_nifti(paths[0])
    roi = RoiData(image=image, morphological_mask=Image.from_nifti_mask(paths[1], reference=image))
    roi = Resegmenter(intensity_range=HU).apply(IntensityMaskBuilder().apply(roi))
    roi = TextureDiscretizer(bin_size=float(settings()["bin_width"])).apply(roi)
    return dict(Radiomics(aggr_dim="2D", aggr_method="AVER").extract_features(roi_data=roi))


if __name__ == "__main__":
    serve(extract)
