"""Sites that read the weights as they came and give them back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from flwr.app import Context, Message
from flwr.clientapp import ClientApp

from common.messages import Letter, TrainingReply, TrainingRequest, decode, encode
from simulation.federation.grid import InProcessGrid, ParallelGrid
from tests.benchmarks.exchange.federation import Prepared, Submit


def in_process(prepared: Prepared) -> InProcessGrid:
    """Such sites in this process, one after another."""
    app = ClientApp()
    app.query(TrainingRequest.kind)(partial(_answer, prepared.size.training))
    return InProcessGrid(app, prepared.sites)


def in_processes(prepared: Prepared, submit: Submit) -> ParallelGrid:
    """Such sites in other processes, their messages through pipes."""

    def instead(_: Callable[..., Message], message: Message, context: Context) -> object:
        return submit(_answer, prepared.size.training, message, context)

    return ParallelGrid(instead, prepared.sites)  # type: ignore[arg-type]


def _answer(patients: int, message: Message, context: Context) -> Message:
    request, arrays = decode(message.content, TrainingRequest)
    reply = TrainingReply(
        study_sha256=request.study_sha256,
        site=Path(str(context.node_config["site-folder"])).name,
        round=request.round,
        patients=patients,
        loss=0.5,
        validation=None,
    )
    return Message(encode(Letter(reply, arrays)), reply_to=message)
