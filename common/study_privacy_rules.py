"""What of a study goes with the table [privacy], and what would break its promise."""

from __future__ import annotations

from common.study_federation import Federation
from common.study_privacy import Privacy
from common.study_sections import Network, Training

_STRATEGIES = ("fedavg", "fedadam")


def check_normalization(network: Network) -> None:
    """ValueError unless pretrained file and normalization go together."""
    if network.normalization == "frozen" and network.pretrained_file is None:
        raise ValueError(
            "network.normalization is frozen, which keeps the statistics of a pretrained file; give pretrained_file"
        )
    if network.normalization == "group" and network.pretrained_file is not None:
        raise ValueError(
            "network.normalization is group, which cannot take the BatchNorm layers of pretrained_file; choose frozen"
        )


def check_private(privacy: Privacy, *, network: Network, training: Training, federation: Federation | None) -> None:
    """ValueError with the key that breaks the promise, and the remedy."""
    if federation is None:
        raise ValueError("privacy without federation: nothing leaves a single site; remove the table [privacy]")
    if privacy.mode == "head" and network.normalization != "frozen":
        raise ValueError(
            f"privacy.mode is head with network.normalization {network.normalization}; its trunk does not learn: write "
            "frozen and give a pretrained_file"
        )
    if privacy.mode == "full" and network.normalization == "batch":
        raise ValueError(
            "privacy.mode is full with network.normalization batch, whose statistics mix patients without noise; "
            "choose group, or frozen with a pretrained_file"
        )
    if training.slices_per_epoch != "one":
        raise ValueError("privacy speaks of patients, and training.slices_per_epoch is all; write one")
    _check_exchange(privacy, federation)


def _check_exchange(privacy: Privacy, federation: Federation) -> None:
    if federation.cross_site:
        raise ValueError(
            "federation.cross_site is true with privacy, but would send models trained without it; set it to false"
        )
    if federation.aggregation not in _STRATEGIES:
        raise ValueError(
            f"federation.aggregation is {federation.aggregation} with privacy; choose {' or '.join(_STRATEGIES)}"
        )
    if privacy.statistics == "noised" and federation.correlation < 1:
        raise ValueError(
            f"federation.correlation is {federation.correlation:g} with noised statistics, which have no noised "
            "correlations; write 1"
        )
