"""One extraction from tumours of growing size."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from client.radiomics import extract_features
from client.resampling import resample
from client.volumes import Volume
from common.paper_settings import PAPER_RADIOMICS, PAPER_RESAMPLING
from tests.benchmarks.growth.curve import Curve
from tests.benchmarks.radiomics.cases import made_up


def tumour_curves(sizes: Sequence[int], turns: int, say: Callable[[str], None]) -> list[Curve]:
    """Seconds of resampling and of the features by voxels of 1 mm, in turns."""
    volumes = {size: Volume(*made_up(voxels=size, spacing=(0.9, 0.9, 1.5))) for size in sizes}
    _seconds(volumes[sizes[0]])
    resampled, computed = ({size: list[float]() for size in sizes} for _ in range(2))
    for turn in range(turns):
        for size, volume in volumes.items():
            say(f"growth: turn {turn + 1}, a tumour of {size:,} voxels")
            first, second = _seconds(volume)
            resampled[size].append(first)
            computed[size].append(second)
    return [Curve("resampling", "s", resampled), Curve("1316 features", "s", computed)]


def _seconds(volume: Volume) -> tuple[float, float]:
    start = time.perf_counter()
    ready = resample(volume, PAPER_RESAMPLING)
    middle = time.perf_counter()
    extract_features(ready, PAPER_RADIOMICS)
    return middle - start, time.perf_counter() - middle
