"""Was this patient trained on? Two attacks that see a model's scores, as AUC over members and others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from common.discrimination import auc

LEAST_DEVIATION = 1e-6


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
    that learned from it and among those that did not, and one pooled variance of each kind, as there are few shadows.
    """
    return [_one_target(found, target) for target in range(len(found.log_odds))]


def _one_target(found: Confidences, target: int) -> float:
    others = np.arange(len(found.log_odds)) != target
    odds, member = found.log_odds[others], found.member[others]
    scores = []
    for kind in (member, ~member):
        count = kind.sum(axis=0)
        mean = np.where(kind, odds, 0).sum(axis=0) / np.maximum(count, 1)
        deviations = np.where(kind, odds - mean, 0)
        variance = (deviations**2).sum() / max(1, int((count - 1).clip(min=0).sum()))
        deviation = max(LEAST_DEVIATION, float(np.sqrt(variance)))
        scores.append(norm.logpdf(found.log_odds[target], mean, deviation))
    return auc(found.member[target].astype(int), scores[0] - scores[1])


def halves(patients: int, models: int, *, seed: int) -> np.ndarray:
    """Which patients each model learns from (models, patients): a random half, and for the next model the other one."""
    random, rows = np.random.default_rng(seed), []
    for _ in range(models // 2):
        half = np.zeros(patients, dtype=bool)
        half[random.permutation(patients)[: patients // 2]] = True
        rows += [half, ~half]
    return np.array(rows)
