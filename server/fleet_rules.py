"""What passes the sites' port: Flower's ten fleet calls, of a known length, without anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uvicorn._types import HTTPScope

FLEET_CALLS = frozenset(
    f"/v1/fleet/{call}"
    for call in (
        "activate-node",
        "deactivate-node",
        "send-node-heartbeat",
        "pull-messages",
        "push-messages",
        "get-run",
        "get-fab",
        "push-object",
        "pull-object",
        "confirm-message-received",
    )
)
"""Not register-node and unregister-node: only the coordinator admits a site."""
LARGEST_BODY, LARGEST_IN_FLIGHT = 80 * 2**20, 640 * 2**20
"""Bytes of one request, and of all at one time: Flower reads a body before it knows whose it is."""
HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"host",
        b"expect",
        b"forwarded",
        b"accept-encoding",
    }
)


class RefusedError(Exception):
    """A request that does not pass, with the status that says so."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def check(scope: HTTPScope) -> int:
    """The bytes of a request that may pass, else RefusedError."""
    if scope["path"] not in FLEET_CALLS or scope["query_string"]:
        raise RefusedError(404, "not open")
    if scope["method"] != "POST":
        raise RefusedError(405, "only POST")
    length = _length(scope)
    if length is None:
        raise RefusedError(411, "no content-length")
    if length > LARGEST_BODY:
        raise RefusedError(413, f"{length} bytes")
    return length


def _length(scope: HTTPScope) -> int | None:
    values = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(values[0]) if len(values) == 1 and values[0].isdigit() else None


def passed(scope: HTTPScope) -> list[tuple[bytes, bytes]]:
    """The headers that are handed on."""
    return [(name, value) for name, value in scope["headers"] if name not in HOP_BY_HOP]
