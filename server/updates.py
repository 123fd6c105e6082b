"""Looks at each update before it may touch the common weights."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from common.errors import PeerError
from common.messages import Arrays
from common.study import Federation


def update_lengths(weights: Arrays, updates: Mapping[str, Arrays]) -> dict[str, float]:
    """Euclidean length of what each site changed in the parameters."""
    first = weights["parameters"]
    return {
        site: float(np.linalg.norm((arrays["parameters"] - first).astype(np.float64)))
        for site, arrays in updates.items()
    }


def too_large(lengths: Mapping[str, float], *, largest_update: float) -> dict[str, str]:
    """Sites whose update is more than `largest_update` times as long as the lower median of all, with a sentence.

    The lower median, so that of two sites the shorter update is the measure.
    """
    if len(lengths) < 2:
        return {}
    rising = sorted(lengths.values())
    middle = rising[(len(rising) - 1) // 2]
    return {site: _sentence(length, middle) for site, length in lengths.items() if length > largest_update * middle}


def _sentence(length: float, middle: float) -> str:
    if not middle:
        return "its update is the only one that changes anything"
    return f"its update is {length / middle:.0f} times as long as the median of the sites"


def accepted_updates(
    weights: Arrays, updates: Mapping[str, Arrays], federation: Federation
) -> tuple[dict[str, Arrays], dict[str, str], dict[str, str]]:
    """Updates that are averaged, those refused with the reason, and those only flagged; PeerError below the quorum."""
    flagged = too_large(update_lengths(weights, updates), largest_update=federation.largest_update)
    refused = flagged if federation.too_large == "refuse" else {}
    taken = {site: arrays for site, arrays in updates.items() if site not in refused}
    if len(taken) < federation.quorum:
        reasons = "; ".join(f"{site}: {reason}" for site, reason in sorted(refused.items()))
        raise PeerError(
            f"training: {len(taken)} update(s) can be averaged, the quorum is {federation.quorum} ({reasons}); "
            "find out what went wrong there and run again with --resume"
        )
    return taken, refused, {} if refused else flagged
