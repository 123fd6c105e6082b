"""How much noise a site adds, so that the whole study stays within the study's epsilon for this site's patients."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from client.privacy.accounting import Mechanism, least_noise
from client.privacy.ledger import Budget
from client.privacy.training import Protection
from common.errors import StudyError
from common.study import Federation, Privacy, Study

STATISTICS, SELECTION = "statistics", "selection"
SAFE = 10
"""Delta is this many times below one patient's share."""


@dataclass(frozen=True)
class Plan:
    """What a site will spend on a study: the noised statistics, and steps of training with this much noise."""

    budget: Budget
    protection: Protection
    beside: Mapping[str, Mechanism]

    def training(self, *, epochs: int) -> Mechanism:
        """What so many passes over the patients cost."""
        steps = epochs * self.protection.steps
        return Mechanism(self.protection.noise_multiplier, self.protection.sample_rate, steps)


def privacy_plan(study: Study, study_sha256: str, *, patients: int) -> Plan:
    """The plan of a site with so many training patients; StudyError when the study's numbers cannot hold for them."""
    privacy, federation = _tables(study)
    if privacy.delta * patients * SAFE > 1:
        raise StudyError(
            f"privacy.delta is {privacy.delta:g}; with {patients} training patients it must be at most "
            f"{1 / (SAFE * patients):.2g}, or one of them may be given away whole; ask for a smaller one"
        )
    steps, rate = poisson_batches(patients=patients, batch_size=federation.local_batch_size)
    beside = statistics_mechanisms(privacy)
    noise = least_noise(
        epsilon=privacy.epsilon,
        delta=privacy.delta,
        sample_rate=rate,
        steps=steps * sum(stage.epochs for stage in study.training.stages),
        beside=tuple(beside.values()),
    )
    protection = Protection(noise, privacy.clipping_norm, rate, steps)
    return Plan(Budget(study_sha256, privacy.epsilon, privacy.delta), protection, beside)


def poisson_batches(*, patients: int, batch_size: int) -> tuple[int, float]:
    """Steps of one pass over the patients, and the probability that one of them is in a step."""
    return math.ceil(patients / batch_size), min(1.0, batch_size / patients)


def statistics_mechanisms(privacy: Privacy) -> Mapping[str, Mechanism]:
    """The two noised releases of all training patients, by what they are; none where statistics are exact."""
    noised = (STATISTICS, SELECTION) if privacy.statistics == "noised" else ()
    return dict.fromkeys(noised, Mechanism(privacy.statistics_noise, 1.0, 1))


def _tables(study: Study) -> tuple[Privacy, Federation]:
    if study.privacy is None or study.federation is None:
        raise StudyError(f"study {study.name} has no table [privacy]; nothing of it is noised")
    return study.privacy, study.federation
