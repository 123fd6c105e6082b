"""Sites whose answers, delays and failures a test decides, on a clock that nobody waits for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from flwr.app import Error, Message, RecordDict
from flwr.proto.node_pb2 import NodeInfo

from common.messages import Letter, TrainingReply, TrainingRequest, encode
from common.messages.shared import ColumnScaling, Preparation
from common.study import Federation, Study, parse_study
from server.exchange import Exchange
from simulation.studies import federated_text, preset_text

SHA = "a" * 64
STUDY: Study = parse_study(federated_text(preset_text("quick"), sites=4))
ONE = ColumnScaling(mean=(0.0,), deviation=(1.0,))
CLINICAL = ColumnScaling(mean=(0.0,) * 4, deviation=(1.0,) * 4)
PREPARATION = Preparation(radiomic_features=("first",), radiomics=ONE, clinical=CLINICAL)
WEIGHTS = {"parameters": np.zeros(7, dtype=np.float32), "buffers": np.ones(3, dtype=np.float32)}
QUESTION = Letter(
    TrainingRequest(
        study_sha256=SHA,
        run="0" * 32,
        preparation=PREPARATION,
        weights_round=3,
        best_round=2,
        stage=0,
        round=4,
        first_epoch=4,
        epochs=1,
        validate_weights=False,
    ),
    WEIGHTS,
)
Answer = Callable[["FakeSite", Message], RecordDict | int | None]
"""What comes back when a site is asked: content, an error code, or nothing."""


def federation(**changes: Any) -> Federation:
    assert STUDY.federation is not None
    table = {"deadline_seconds": 60.0, "grace_seconds": 30.0, "quorum": 2, **changes}
    return Federation.model_validate({**STUDY.federation.model_dump(), **table})


def reply(site: str, **changes: Any) -> TrainingReply:
    known = {"study_sha256": SHA, "site": site, "round": 4, "patients": 10, "loss": 0.5, "validation": None}
    return TrainingReply(**{**known, **changes})


def good(site: FakeSite, _: Message) -> RecordDict:
    return encode(Letter(reply(site.name), {name: value + 1 for name, value in WEIGHTS.items()}))


@dataclass
class FakeSite:
    """`answers` one after another, the last one for ever; connected between `comes` and `goes`; `takes` seconds."""

    name: str
    answers: list[Answer] = field(default_factory=lambda: [good])
    comes: float = 0.0
    goes: float = float("inf")
    takes: float = 0.0
    asked: list[float] = field(default_factory=list)
    unreachable: int = 0
    """How often it cannot be sent to at first."""

    def answer(self, message: Message) -> RecordDict | int | None:
        place = min(len(self.asked), len(self.answers)) - 1
        return self.answers[place](self, message)


class FakeGrid:
    """As much of Flower's Grid as an exchange uses, and its clock."""

    def __init__(self, *sites: FakeSite) -> None:
        self.sites = dict(enumerate(sites, start=10))
        self.now = 0.0
        self.pushed: dict[str, tuple[FakeSite, Message, float]] = {}
        self.again = False
        """Whether every reply comes twice."""

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def get_nodes(self) -> list[NodeInfo]:
        there = {number: site for number, site in self.sites.items() if site.comes <= self.now < site.goes}
        return [NodeInfo(node_id=number, name=site.name) for number, site in there.items()]

    def push_messages(self, messages: Iterable[Message]) -> list[str | None]:
        numbers: list[str | None] = []
        for message in messages:
            site, number = self.sites[message.metadata.dst_node_id], f"message-{len(self.pushed)}"
            message.metadata.__dict__["_message_id"] = number
            if site.unreachable:
                site.unreachable -= 1
                numbers.append(None)
                continue
            site.asked.append(self.now)
            self.pushed[number] = (site, message, self.now + site.takes)
            numbers.append(number)
        return numbers

    def pull_messages(self, numbers: Iterable[str]) -> list[Message]:
        found = []
        for number in list(numbers):
            site, message, ready = self.pushed[number]
            if ready <= self.now < site.goes and (content := site.answer(message)) is not None:
                found += [_reply(content, message) for _ in range(1 + self.again)]
        return found

    def exchange(self, **changes: Any) -> Exchange:
        return Exchange(self, federation(**changes), clock=self.clock, sleep=self.sleep)  # type: ignore[arg-type]


def _reply(content: RecordDict | int, message: Message) -> Message:
    if isinstance(content, int):
        return Message(Error(code=content, reason="failed"), reply_to=message)
    return Message(content, reply_to=message)
