"""PySERA, the features of its preset, in this process."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence

import pysera
from harness import serve, settings


def extract(paths: Sequence[str]) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="pysera-") as folder:
        done = pysera.process_batch(
            image_input=paths[0],
            mask_input=paths[1],
            output_path=folder,
            num_workers="1",
            enable_parallelism=False,
            bin_size=int(settings()["bin_width"]),
        )
    if not done["success"]:
        raise RuntimeError(str(done.get("error", "it did not succeed")))
    row = done["features_extracted"].select_dtypes("number").iloc[0]
    return {str(name): float(value) for name, value in row.items()}


if __name__ == "__main__":
    serve(extract)
