"""Sites and server of one masked sum in one process, with answers that are given: no patients, no network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np

from client.federation.masked_vector import vector_of
from client.federation.masking import answer_masked
from client.federation.masking_checks import MaskingDesk
from client.site import Site, SiteFile
from common.errors import DataError, PeerError
from common.messages import Arrays, Letter, Preparation, TrainingReply, TrainingRequest, decode, encode
from common.messages.masking import MaskedRequest, MaskingRequest
from common.messages.shared import ColumnScaling
from common.secure_aggregation import SUMS, Vector, add
from common.secure_aggregation.training_sums import SCALARS
from common.study import Federation
from server.exchange import Answered
from server.secure_aggregation import Summed, masked_sum
from server.study_run import StudyRun

SHA, RUN = "a" * 64, "0" * 32
STEPS = ("masking_keys", "masking_shares", "masked", "masking_confirm", "masking_uncover")
"""The exchanges of a sitting in their order."""
CLINICAL = ColumnScaling(mean=(60.0, 0.5, 1.0, 0.5), deviation=(8.0, 0.5, 0.8, 0.5))
PREPARATION = Preparation(radiomic_features=(), radiomics=ColumnScaling(mean=(), deviation=()), clinical=CLINICAL)
Tamper = Callable[[str, Letter], Letter]
"""What becomes of a request on its way to a site, or of its answer."""


def untouched(_: str, letter: Letter) -> Letter:
    return letter


def question(number: int = 0) -> TrainingRequest:
    known = {
        "weights_round": -1,
        "best_round": -1,
        "stage": 0,
        "first_epoch": 0,
        "epochs": 1,
        "validate_weights": False,
    }
    return TrainingRequest(study_sha256=SHA, run=RUN, preparation=PREPARATION, round=number, **known)


@dataclass
class MaskedSites:
    """So many sites with random updates; `gone` says before which step each of some drops out."""

    folder: Path
    sites: int
    size: int = 40
    buffers: int = 3
    gone: dict[str, str] = field(default_factory=dict)
    asked: Tamper = untouched
    answered: Tamper = untouched
    seed: int = 0
    keep_letters: bool = True
    told_patients: int = 0
    """What the server says of all sites' patients, where it does not tell the truth."""
    letters: list[tuple[str, Letter, Letter]] = field(default_factory=list)
    """Site, request and answer of every step that was answered."""

    def __post_init__(self) -> None:
        self.names = tuple(f"site-{number}" for number in range(1, self.sites + 1))
        random = np.random.default_rng(self.seed)
        self.weights = {"parameters": _floats(random, self.size), "buffers": np.abs(_floats(random, self.buffers))}
        self.patients = {site: int(random.integers(10, 400)) for site in self.names}
        self.updates = {site: self._update(random, site) for site in self.names}
        self.facts: dict[str, Any] = {"run": RUN}
        self.recorded: list[Any] = []
        self.sha256, self.exchange = SHA, self
        self.federation = federation_of(self.names)

    def _update(self, random: np.random.Generator, site: str) -> Letter:
        record = TrainingReply(
            study_sha256=SHA, site=site, round=0, patients=self.patients[site], loss=0.7, validation=None
        )
        moved = {name: values + 0.01 * _floats(random, values.size) for name, values in self.weights.items()}
        return Letter(record, {name: values.astype(np.float32) for name, values in moved.items()})

    def taking_part(self) -> set[str]:
        return set(self.names)

    def record(self, *told: Any) -> None:
        self.recorded.append(told)

    def desk(self, site: str) -> MaskingDesk:
        folder = self.folder / site
        return MaskingDesk(Site(folder, SiteFile(name=site)), self.federation, lambda *_: self.updates[site])

    def tell(self, site: str, letter: Letter) -> Letter:
        """A site's answer, both over the wire."""
        request, arrays = decode(encode(letter), cast("type[MaskingRequest]", type(letter.record)))
        answer = answer_masked(self.desk(site), request, arrays)
        record, values = decode(encode(answer), type(answer.record))
        return Letter(record, values)

    def ask(self, letter: Letter, expecting: type, *, check: Any, sites: set[str], quorum: int) -> Answered[Any]:
        answers: dict[str, tuple[Any, Arrays]] = {}
        missing: dict[str, str] = {}
        step = STEPS.index(letter.record.kind)
        for site in sorted(sites):
            if STEPS.index(self.gone.get(site, STEPS[-1])) <= step and site in self.gone:
                missing[site] = "no answer"
                continue
            try:
                sent = self.asked(site, letter)
                reply = self.answered(site, self.tell(site, sent))
                check(reply.record, reply.arrays)
            except (DataError, PeerError) as error:
                missing[site] = str(error)
                continue
            if self.keep_letters:
                self.letters.append((site, sent, reply))
            answers[site] = (reply.record, reply.arrays)
        if len(answers) < quorum:
            raise PeerError(f"{letter.record.kind}: {len(answers)} of {quorum}: {missing}")
        return Answered(answers, missing, frozenset(), (), 0, 0, 0.0)

    def sum(self, number: int = 0, **changes: Any) -> Summed:
        """What the server makes of a round, or of one whose question has these other values."""
        return masked_sum(
            cast(StudyRun, self),
            question(number).model_copy(update=changes),
            SUMS,
            size=lambda _: (self.size, SCALARS + self.buffers),
            arrays=self.weights,
            patients=self.told_patients or sum(self.patients.values()),
        )

    def vectors(self) -> Mapping[str, Vector]:
        """What each site hides."""
        request = cast(MaskedRequest, _Patients(sum(self.patients.values())))
        return {site: vector_of(self.updates[site], request, self.weights) for site in self.names}

    def plain_sum(self, sites: tuple[str, ...]) -> Vector:
        """The sum of the encoded updates, without any mask."""
        first, *others = (self.vectors()[site] for site in sites)
        for other in others:
            first = add(first, other)
        return first


@dataclass(frozen=True)
class _Patients:
    patients: int


def _floats(random: np.random.Generator, size: int) -> np.ndarray:
    return random.normal(size=size).astype(np.float32)


def federation_of(names: tuple[str, ...]) -> Federation:
    return Federation(
        roster=names,
        quorum=3,
        deadline_seconds=1.0,
        grace_seconds=1.0,
        local_epochs=1,
        local_batch_size=8,
        aggregation="fedavg",
        proximal_mu=0.0,
        server_learning_rate=0.01,
        trimmed_share=0.2,
        largest_update=10.0,
        too_large="unchecked",
        update_format="float32",
        correlation=1.0,
        cross_site=False,
        secure_aggregation=True,
        masking_threshold=0.6,
    )
