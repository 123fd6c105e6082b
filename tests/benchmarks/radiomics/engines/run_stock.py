"""PyRadiomics, or what has its interface under its name, called plainly."""

from __future__ import annotations

from collections.abc import Sequence

from harness import serve
from plain import enable, features, keywords
from radiomics.featureextractor import RadiomicsFeatureExtractor

EXTRACTOR = enable(RadiomicsFeatureExtractor(**keywords()))


def extract(paths: Sequence[str]) -> dict[str, float]:
    return features(EXTRACTOR.execute(*paths))


if __name__ == "__main__":
    serve(extract)
