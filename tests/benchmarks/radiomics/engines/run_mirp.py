"""MIRP, all its features of the volume."""

from __future__ import annotations

from collections.abc import Sequence

from harness import serve, settings
from mirp import extract_features

HU = [-1024.0, 3071.0]
"""It bins from the lower end of a range."""


def extract(paths: Sequence[str]) -> dict[str, float]:
    found = extract_features(
        image=paths[0],
        mask=paths[1],
        image_modality="CT",
        by_slice=False,
        resegmentation_intensity_range=HU,
        base_discretisation_method="fixed_bin_size",
        base_discretisation_bin_width=float(settings()["bin_width"]),
    )
    row = found[0].select_dtypes("number").iloc[0]
    return {str(name): float(value) for name, value in row.items()}


if __name__ == "__main__":
    serve(extract)
