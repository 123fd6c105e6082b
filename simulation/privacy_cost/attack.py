"""Was this patient trained on? Two attacks that see a model's scores, as AUC over members and others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from common.discrimination import auc


@dataclass(frozen=True)
class Confidences:
    """Of several models (models, patients): log-odds of each patient's true label, and whether it was trained on."""

    log_odds: np.ndarray
    member: np.ndarray


def loss_threshold(found: Confidences) -> list[float]:
    """AUC of each model's loss as a sign of membership (Yeom et al. 2018, doi:10.1109/CSF.2018.00027)."""
    return [auc(member.astype(int), odds) for odds, member in zip(found.log_odds, found.member, strict=True)]


def likelihood_ratio(found: Confidences) -> list[float]:
    """AUC of the likelihood ratio of each model's log-odds, by the other models as shadows.

    LiRA (Carlini et al. 2022, doi:10.1109/SP46214.2022.9833649), online, with a mean for each patient among shadows
    that learned from it and among those that did not, and one variance, as there are few shadows. Models come in pairs
    that share the patients out between them: a target's other half would tell who is missing there, and is no shadow.
    """
    return [_one_target(found, target) for target in range(len(found.log_odds))]


def _one_target(found: Confidences, target: int) -> float:
    shadows = np.arange(len(found.log_odds)) // 2 != target // 2
    odds, member = found.log_odds[shadows], found.member[shadows]
    within, without = (np.where(kind, odds, 0).sum(axis=0) / kind.sum(axis=0) for kind in (member, ~member))
    own = found.log_odds[target]
    # with one variance for both, the logarithm of the ratio of two normal densities but for a factor
    return auc(found.member[target].astype(int), (own - without) ** 2 - (own - within) ** 2)


def halves(patients: int, models: int, *, seed: int) -> np.ndarray:
    """Which patients each model learns from (models, patients): a random half, and for the next model the other one."""
    random, rows = np.random.default_rng(seed), []
    for _ in range(models // 2):
        half = np.zeros(patients, dtype=bool)
        half[random.permutation(patients)[: patients // 2]] = True
        rows += [half, ~half]
    return np.array(rows)
