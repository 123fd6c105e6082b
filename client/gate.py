"""The one way through the wall: a question is recorded and answered, the answer held against the policy and recorded.

Only then it goes; whatever fails on the way, no numbers do.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from flwr.app import RecordDict

from client.approval import check_in_trail
from client.audit.recorder import Recorder, record_policy
from client.audit.trail import Trail
from client.enrolled_server import SERVER_CA, check_server, enrolled_server
from client.federation.answer import answer, open_desk
from client.outgoing import check_phase, kept_to_policy
from client.policy import promised_epsilon
from client.site import Site, load_site
from common.errors import PeerError
from common.messages import (
    CATALOGUE,
    Arrays,
    Fault,
    Letter,
    Request,
    decode,
    encode,
    encode_fault,
    fault_of,
)
from common.messages.masking import MaskedRequest
from common.messages.shared import WEIGHTS
from common.update_format import UpdateFormat, pack

NodeConfig = Mapping[str, bool | float | int | str]
Found = TypeVar("Found")
log = logging.getLogger("pdl1es.site")


def answered(content: RecordDict, kind: type[Request], config: NodeConfig) -> RecordDict:
    """The answer to a message, or a coded fault; what went wrong stays in the site's log.

    `config` is what Flower's node was started with. A question asked twice is computed and recorded twice, and gets the
    same answer.
    """
    try:
        folder = config.get("site-folder")
        if not isinstance(folder, str):
            raise PeerError("the node was started without site-folder")
        if not Path(folder, "site.toml").exists():
            # no trail either, in what is no site's folder
            load_site(Path(folder))
        return _recorded(content, kind, Path(folder), asks=config.get(SERVER_CA))
    except Exception as error:  # an error that escapes would travel with its text
        return encode_fault(_logged(error, kind))


def _recorded(content: RecordDict, kind: type[Request], folder: Path, *, asks: object) -> RecordDict:
    """Whatever is wrong with the question, or with this site's own files, the question has its line before."""
    server = _tried(lambda: enrolled_server(folder))
    question = _tried(lambda: Letter(*decode(content, kind)))
    recorder = Recorder(Trail(folder), kind, server if isinstance(server, str) else None)
    recorder.received(content, question if isinstance(question, Letter) else None)
    reply: Letter | Fault
    try:
        site = load_site(folder)
        check_server(site.policy, enrolled=_found(server), asks=asks)
        reply = _answer(site, _found(question), kind, recorder.trail)
        goes = encode(reply)
    except Exception as error:  # as above
        reply = _logged(error, kind)
        goes = encode_fault(reply)
    recorder.sent(goes, reply)
    return goes


def _tried(attempt: Callable[[], Found]) -> Found | Exception:
    try:
        return attempt()
    except Exception as error:  # it is raised once the question has its line
        return error


def _found(tried: Found | Exception) -> Found:
    if isinstance(tried, Exception):
        raise tried
    return tried


def _answer(site: Site, question: Letter, kind: type[Request], trail: Trail) -> Letter:
    record_policy(trail, site.policy)
    desk = open_desk(site)
    check_in_trail(desk.approval, trail.entries_of("approval", "mended"), trail)
    epsilon = promised_epsilon(desk.study)
    request = question.record
    if not isinstance(request, Request):
        raise PeerError(f"a {request.kind} record is no question")
    for asked in (request, *([request.asked()] if isinstance(request, MaskedRequest) else ())):
        weights = bool(CATALOGUE[type(asked)].array_names & WEIGHTS)
        check_phase(asked.phase, site.policy, epsilon=epsilon, weights=weights)
    built = answer(desk, request, question.arrays)
    kept = kept_to_policy(built, site.policy, epsilon=epsilon, came=question.arrays)
    return _packed(kept, came=question.arrays, update_format=desk.federation.update_format)


def _packed(letter: Letter, *, came: Arrays, update_format: UpdateFormat) -> Letter:
    """The update of a round in the study's format, once it has passed the wall."""
    if not letter.record.packed_names or not letter.arrays:
        return letter
    return Letter(letter.record, pack(came, letter.arrays, update_format))


def _logged(error: Exception, kind: type[Request]) -> Fault:
    log.error("a %s request was not answered", kind.kind, exc_info=error)
    return fault_of(error)
