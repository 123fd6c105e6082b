"""Looks at each update before it may touch the common weights."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from common.errors import PeerError
from common.messages import Arrays
from common.study import Federation


def update_lengths(weights: Arrays, updates: Mapping[str, Arrays], array: str) -> dict[str, float]:
    """Euclidean length of what each site changed in one of the two arrays."""
    first = weights[array].astype(np.float64)
    return {site: float(np.linalg.norm(arrays[array] - first)) for site, arrays in updates.items()}


def too_large(lengths: Mapping[str, float], *, largest_update: float) -> dict[str, str]:
    """Sites whose update is more than `largest_update` times as long as the lower median of all, with a sentence.

    The lower median, so that of two sites the shorter update is the measure; of sites that change something, so that
    one that sends back what it got cannot have the others refused.
    """
    rising = sorted(length for length in lengths.values() if length > 0)
    middle = rising[(len(rising) - 1) // 2] if rising else 0.0
    return {
        site: f"its update is {length / middle:.0f} times as long as the median of the sites"
        for site, length in lengths.items()
        if length > largest_update * middle
    }


def accepted_updates(
    weights: Arrays, updates: Mapping[str, Arrays], patients: Mapping[str, int], federation: Federation
) -> tuple[dict[str, Arrays], dict[str, str], dict[str, str]]:
    """Updates that are averaged, those refused with the reason, and those only flagged; PeerError below the quorum.

    Parameters move with every step, so their way is compared by training patient: a large hospital is no outlier.
    """
    moved = update_lengths(weights, updates, "parameters")
    each = {site: length / max(1, patients[site]) for site, length in moved.items()}
    statistics = update_lengths(weights, updates, "buffers")
    large: dict[str, str] = {}
    for found in (statistics, each):
        large |= too_large(found, largest_update=federation.largest_update)
    flagged = {site: "its update changes nothing" for site, length in moved.items() if not length}
    refused, flagged = (large, flagged) if federation.too_large == "refuse" else ({}, flagged | large)
    taken = {site: arrays for site, arrays in updates.items() if site not in refused}
    if len(taken) < federation.quorum:
        reasons = "; ".join(f"{site}: {reason}" for site, reason in sorted(refused.items()))
        raise PeerError(
            f"training: {len(taken)} update(s) can be averaged, the quorum is {federation.quorum} ({reasons}); "
            "find out what went wrong there and run again with --resume"
        )
    return taken, refused, {site: reason for site, reason in flagged.items() if site in taken}
