"""This project's extraction, from the files to the values, without its cache."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness import serve, settings
from SimpleITK import ProcessObject

from client.radiomics import extract_features, feature_names
from client.resampling import resample
from client.volumes import read_volume
from common.study import Radiomics, Resampling

KNOWN = settings()
RADIOMICS = Radiomics.model_validate({name: KNOWN[name] for name in Radiomics.model_fields})
RESAMPLING = Resampling.model_validate({name: KNOWN[name] for name in Resampling.model_fields})


def extract(paths: Sequence[str]) -> dict[str, float]:
    image, mask = map(Path, paths)
    found = extract_features(resample(read_volume(image, mask), RESAMPLING), RADIOMICS)
    return dict(zip(feature_names(RADIOMICS), found.values, strict=True))


if __name__ == "__main__":
    # as the worker processes of a site do
    ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    serve(extract)
