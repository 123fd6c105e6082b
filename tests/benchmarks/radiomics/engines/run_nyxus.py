"""Nyxus, the groups of 3D features that it is told, with one thread and its own number of grey levels."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import nyxus
from harness import serve

ENGINE = nyxus.Nyxus3D(sys.argv[2:], n_feature_calc_threads=1)


def extract(paths: Sequence[str]) -> dict[str, float]:
    table = ENGINE.featurize_files([paths[0]], [paths[1]], False)
    row = table.select_dtypes("number").drop(columns=["ROI_label", "t_index"], errors="ignore").iloc[0]
    return {str(name): float(value) for name, value in row.items()}


if __name__ == "__main__":
    serve(extract)
