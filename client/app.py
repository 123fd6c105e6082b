"""The Flower client of a site: a message in, an answer out; it decides nothing."""

from __future__ import annotations

from collections.abc import Callable

from flwr.app import Context, Message
from flwr.clientapp import ClientApp

from client.gate import answered
from common.messages import CATALOGUE, Request

app = ClientApp()


def _handler(kind: type[Request]) -> Callable[[Message, Context], Message]:
    def handle(message: Message, context: Context) -> Message:
        """What the gate lets through."""
        return Message(answered(message.content, kind, context.node_config), reply_to=message)

    return handle


for _request in CATALOGUE:
    app.query(_request.kind)(_handler(_request))
