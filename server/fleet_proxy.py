"""The only port a hospital sees: TLS, Flower's ten fleet calls and a health path; everything else is not there.

Flower's SuperLink serves Control and Runtime on the same port as Fleet, without accounts; so it listens on loopback
only, and this stands in front of it.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import uvicorn

from common.tls_probe import HEALTH_PATH
from server.fleet_rules import HOP_BY_HOP, LARGEST_IN_FLIGHT, RefusedError, check, passed
from server.kit import Kit, load_kit
from server.request_deadline import DeadlineProtocol

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, HTTPScope, Scope

_CONNECTIONS, _LARGEST_HEADER = 256, 16 * 2**10
_SLOWEST_PART_SECONDS, _SLOWEST_BODY_SECONDS, _UPSTREAM_SECONDS = 30, 600, 60
_log = logging.getLogger("pdl1es.proxy")


class FleetProxy:
    """The ASGI application."""

    def __init__(self, upstream: str, *, verify: ssl.SSLContext) -> None:
        self._in_flight = 0
        self._client = httpx.AsyncClient(
            base_url=upstream,
            verify=verify,
            timeout=_UPSTREAM_SECONDS,
            limits=httpx.Limits(max_connections=_CONNECTIONS),
            trust_env=False,
        )

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        try:
            if scope["path"] == HEALTH_PATH and scope["method"] in ("GET", "HEAD"):
                await self._health(send)
            else:
                await self._fleet(scope, receive, send)
        except RefusedError as refused:
            _log.info("%s %s %.80r: %s", _peer(scope), scope["method"], scope["path"], refused)
            await _answer(send, refused.status)

    async def _health(self, send: ASGISendCallable) -> None:
        try:
            response = await self._client.get(HEALTH_PATH, timeout=5)
        except httpx.HTTPError as error:
            raise RefusedError(503, f"the SuperLink does not answer ({error!r})") from error
        await _answer(send, 200 if response.status_code == 200 else 503)

    async def _fleet(self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        length = check(scope)
        if self._in_flight + length > LARGEST_IN_FLIGHT:
            raise RefusedError(503, f"{self._in_flight} bytes are on their way already")
        self._in_flight += length
        try:
            await self._pass_on(scope, receive, send)
        finally:
            self._in_flight -= length

    async def _pass_on(self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        request = self._client.build_request(
            "POST", scope["path"], headers=passed(scope), content=_body(scope, receive)
        )
        try:
            async with asyncio.timeout(_SLOWEST_BODY_SECONDS):
                response = await self._client.send(request, stream=True)
        except TimeoutError as error:
            raise RefusedError(408, "too slow") from error
        except httpx.HTTPError as error:
            raise RefusedError(503, f"the SuperLink does not answer ({error!r})") from error
        try:
            await _copy(scope, response, send)
        finally:
            await response.aclose()


async def _body(scope: HTTPScope, receive: ASGIReceiveCallable) -> AsyncIterator[bytes]:
    more = True
    while more:
        try:
            async with asyncio.timeout(_SLOWEST_PART_SECONDS):
                message = await receive()
        except TimeoutError as error:
            raise RefusedError(408, "too slow") from error
        if message["type"] != "http.request":
            raise RefusedError(400, "left before the end")
        yield message["body"]
        more = message["more_body"]


async def _copy(scope: HTTPScope, response: httpx.Response, send: ASGISendCallable) -> None:
    status = response.status_code
    if status == 500:
        # a node ends at 500 and waits at 503; SQLite under load answers "database is locked"
        _log.warning("%s %s: the SuperLink failed, the site is told to try again", _peer(scope), scope["path"])
        status = 503
    headers = [(name.lower(), value) for name, value in response.headers.raw]
    kept = [(name, value) for name, value in headers if name not in HOP_BY_HOP and name not in (b"date", b"server")]
    await send({"type": "http.response.start", "status": status, "headers": kept, "trailers": False})
    async for part in response.aiter_raw():
        async with asyncio.timeout(_SLOWEST_PART_SECONDS):
            await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _answer(send: ASGISendCallable, status: int) -> None:
    headers = [(b"content-length", b"0")]
    await send({"type": "http.response.start", "status": status, "headers": headers, "trailers": False})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _peer(scope: HTTPScope) -> str:
    client = scope["client"]
    return client[0] if client else "?"


def serve(kit: Kit) -> None:
    """Serve until told to stop."""
    settings = kit.settings
    verify = ssl.create_default_context(cafile=str(kit.ca_certificate))
    config = uvicorn.Config(
        FleetProxy(f"https://127.0.0.1:{settings.superlink_port}", verify=verify),
        host=settings.listen,
        port=settings.port,
        http=DeadlineProtocol,
        ws="none",
        lifespan="off",
        ssl_certfile=kit.certificate,
        ssl_keyfile=str(kit.key),
        timeout_keep_alive=75,
        timeout_graceful_shutdown=3,
        limit_concurrency=_CONNECTIONS,
        h11_max_incomplete_event_size=_LARGEST_HEADER,
        server_header=False,
        access_log=False,
        log_level="warning",
    )
    uvicorn.Server(config).run()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    serve(load_kit(Path(sys.argv[1])))
