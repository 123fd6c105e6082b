"""The Flower client of a site: a message in, an answer out; it decides nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from flwr.app import Context, Message
from flwr.clientapp import ClientApp

from client.federation.answer import answer, open_desk
from client.site import load_site
from common.errors import PeerError
from common.messages import CATALOGUE, Request, decode, encode, encode_fault, fault_of

app = ClientApp()
log = logging.getLogger("pdl1es.site")


def _handler(kind: type[Request]) -> Callable[[Message, Context], Message]:
    def handle(message: Message, context: Context) -> Message:
        """Answer a message; whatever goes wrong stays in the site's log, and only a coded fault leaves."""
        try:
            folder = context.node_config.get("site-folder")
            if not isinstance(folder, str):
                raise PeerError("the node was started without site-folder")
            desk = open_desk(load_site(Path(folder)))
            content = encode(answer(desk, *decode(message.content, kind)))
        except Exception as error:  # an error that escapes would travel with its text
            log.exception("a %s request was not answered", kind.kind)
            content = encode_fault(fault_of(error))
        return Message(content, reply_to=message)

    return handle


for _request in CATALOGUE:
    app.query(_request.kind)(_handler(_request))
