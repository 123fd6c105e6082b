"""Statistics, selection and rounds under differential privacy, each in the ledger before it is computed."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from torch import Tensor

from client.checkpoint import Checkpoint
from client.clinical import encode
from client.federation.dataset import Dataset
from client.federation.site_state import SiteState
from client.models import choose_device
from client.policy import Policy
from client.privacy.accounting import Mechanism
from client.privacy.ledger import Ledger
from client.privacy.noise import Noise, noise_for, site_secret
from client.privacy.plan import SELECTION, STATISTICS, Plan, privacy_plan
from client.privacy.release import clinical_ranges, noised_moments, noised_rank_sums, within_ranges
from client.privacy.training import learning_part, private_epochs
from client.samples import Samples
from client.site import Site
from client.training import optimizer_for
from common.code_hash import code_sha256
from common.errors import PolicyError
from common.federated_model import federated_parts
from common.messages import Arrays, TrainingRequest
from common.network import FusionNetwork
from common.pooling import Moments, RankSums
from common.study import Privacy, Study, Training

KEPT_FILE = "last.pt"
_DECIDES = {"preparation", "stage", "first_epoch", "epochs"}
"""What of a question the weights after a round depend on, beside the weights that came."""


@dataclass(frozen=True)
class PrivateDesk:
    """A site's patients with what hides them: the plan of the study, the ledger and the site's own key."""

    site: Site
    study: Study
    sha256: str
    privacy: Privacy
    dataset: Dataset

    @cached_property
    def plan(self) -> Plan:
        """How much noise there must be."""
        return privacy_plan(self.study, self.sha256, patients=int(self.dataset.cohort.training.sum()))

    @cached_property
    def _ledger(self) -> Ledger:
        return Ledger(self.site.folder)

    @property
    def epsilon(self) -> float:
        """What the study has spent so far."""
        return max((one.epsilon for one in self._ledger.of_study(self.sha256)), default=0.0)

    def release(self, mechanism: Mechanism, *, what: str, decides: Iterator[bytes]) -> tuple[str, Noise]:
        """Name and noise of a release, which is in the ledger now.

        BudgetError, LedgerError or PolicyError when it may not be made.
        """
        secret = site_secret(self._ledger.folder)
        name = _sha256(self._circumstances(secret, mechanism, what), decides)
        _within_policy(self.plan, self.site.policy)
        self._ledger.reserve(self.plan.budget, mechanism, what=what, name=name, held_back=self.plan.beside)
        return name, noise_for(secret, name)

    @property
    def kept(self) -> Checkpoint:
        """The last training release, so that one name has one output."""
        return Checkpoint(self._ledger.folder / KEPT_FILE)

    def _circumstances(self, secret: bytes, mechanism: Mechanism, what: str) -> Iterator[bytes]:
        """What decides the output beside data and question: other arithmetic under one noise would lay data bare."""
        yield hashlib.sha256(secret).digest()
        yield f"{self.sha256} {what} {mechanism!r} {self.plan.protection!r}".encode()
        yield f"{code_sha256()} {torch.__version__} {version('opacus')} {np.__version__}".encode()
        yield f"{choose_device(self.site.device)} {torch.get_num_threads()}".encode()


def _within_policy(plan: Plan, policy: Policy) -> None:
    if policy.maximum_epsilon is not None and plan.budget.epsilon > policy.maximum_epsilon:
        raise PolicyError(
            f"the study spends epsilon {plan.budget.epsilon:g}, policy.maximum_epsilon is {policy.maximum_epsilon:g}; "
            "ask for a study with less, or change site.toml"
        )


def noised_statistics(desk: PrivateDesk) -> tuple[tuple[str, ...], list[Moments]]:
    """Names of the radiomic features, and noised moments of them and of the clinical variables."""
    training, privacy = desk.dataset.cohort.training, desk.privacy
    ranges = clinical_ranges(privacy)
    radiomic = within_ranges(desk.dataset.cohort.features[training], privacy.ranges)
    clinical = within_ranges(encode(desk.dataset.cohort.patients)[training], ranges)
    decides = iter((radiomic.tobytes(), clinical.tobytes()))
    _, noise = desk.release(Mechanism(privacy.statistics_noise, 1.0, 1), what=STATISTICS, decides=decides)
    parts = [(radiomic, privacy.ranges), (clinical, ranges)]
    return tuple(privacy.ranges), noised_moments(parts, noise_multiplier=privacy.statistics_noise, noise=noise)


def noised_ranks(desk: PrivateDesk) -> RankSums:
    """Noised rank sums of the features that have a range."""
    cohort, privacy = desk.dataset.cohort, desk.privacy
    values, labels = within_ranges(cohort.features[cohort.training], privacy.ranges), cohort.training_labels()
    decides = iter((values.tobytes(), labels.tobytes()))
    _, noise = desk.release(Mechanism(privacy.statistics_noise, 1.0, 1), what=SELECTION, decides=decides)
    return noised_rank_sums(values, labels, noise_multiplier=privacy.statistics_noise, noise=noise)


def train_privately(
    desk: PrivateDesk,
    network: FusionNetwork,
    samples: Samples,
    settings: Training,
    request: TrainingRequest,
    arrays: Arrays,
    state: SiteState,
) -> dict[str, Any]:
    """Train the network in place for a round; returns the state of Adam.

    BudgetError before anything is computed when the round would exceed what the study promised.
    """
    head, adam = desk.privacy.mode == "head", state.before(request.round, stage=request.stage)
    mechanism = desk.plan.training(epochs=request.epochs)
    decides = _decides(request, arrays, samples, adam)
    name, noise = desk.release(mechanism, what=f"training, round {request.round + 1}", decides=decides)
    if (before := desk.kept.load()) is not None and before["name"] == name:
        network.load_state_dict(before["network"])
        known: dict[str, Any] = before["adam"]
        return known
    optimizer = optimizer_for(learning_part(network, head=head), settings, stage=request.stage)
    if adam is not None:
        optimizer.load_state_dict(copy.deepcopy(adam))
    private_epochs(
        network,
        optimizer,
        federated_parts(request.preparation),
        samples,
        settings,
        desk.plan.protection,
        head=head,
        epochs=request.epochs,
        noise=noise,
    )
    state_of_adam: dict[str, Any] = optimizer.state_dict()
    desk.kept.save({"name": name, "network": network.state_dict(), "adam": state_of_adam})
    return state_of_adam


def _decides(
    request: TrainingRequest, arrays: Arrays, samples: Samples, adam: Mapping[str, Any] | None
) -> Iterator[bytes]:
    yield request.model_dump_json(include=_DECIDES).encode()
    yield from (arrays[name].tobytes() for name in sorted(arrays))
    for tensor in (samples.patches, samples.radiomics, samples.clinical, samples.labels):
        yield tensor.cpu().numpy().tobytes()
    yield from _bytes_of(adam)


def _bytes_of(value: object) -> Iterator[bytes]:
    """A nested state of an optimiser, in one order."""
    if isinstance(value, Tensor):
        yield value.detach().cpu().to(torch.float64).numpy().tobytes()
    elif isinstance(value, Mapping):
        for key in sorted(value, key=str):
            yield str(key).encode()
            yield from _bytes_of(value[key])
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _bytes_of(one)
    else:
        yield repr(value).encode()


def _sha256(*parts: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for one in (piece for part in parts for piece in part):
        digest.update(len(one).to_bytes(8, "little") + one)
    return digest.hexdigest()
