"""Many patients as examples/batchprocessing_parallel.py of PyRadiomics has it, with every core at work."""

from __future__ import annotations

from collections.abc import Sequence
from multiprocessing import Pool

from harness import serve, settings
from plain import enable, features, keywords
from radiomics.featureextractor import RadiomicsFeatureExtractor


def run(case: tuple[str, str]) -> dict[str, float]:
    return features(enable(RadiomicsFeatureExtractor(**keywords())).execute(*case))


def extract(paths: Sequence[str]) -> dict[str, float]:
    cases = list(zip(paths[::2], paths[1::2], strict=True))
    with Pool(settings()["jobs"]) as pool:
        found = pool.map(run, cases)
    return {f"{place} {name}": value for place, values in enumerate(found) for name, value in values.items()}


if __name__ == "__main__":
    serve(extract)
