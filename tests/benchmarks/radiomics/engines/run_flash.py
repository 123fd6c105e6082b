"""Flash-Radiomics on the CPU with one thread."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence

from flash_radiomics import RadiomicsFeatureExtractor
from harness import serve
from plain import enable, features, keywords


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="flash-radiomics-") as folder:
        # it writes every extraction as HDF5
        made = RadiomicsFeatureExtractor(backend="cpu", num_threads=1, hdf5OutputDirectory=folder, **keywords())
        extractor = enable(made)

        def extract(paths: Sequence[str]) -> dict[str, float]:
            return features(extractor.execute(*paths))

        serve(extract)


if __name__ == "__main__":
    main()
