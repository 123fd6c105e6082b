"""Why a server cannot be reached, in words a hospital can act on, before Flower tries without end."""

from __future__ import annotations

import email.utils
import re
import socket
import ssl
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from common.errors import PeerError, UsageError

HEALTH_PATH = "/health"
MAXIMUM_AHEAD_SECONDS, MAXIMUM_BEHIND_SECONDS = 5, 300
"""Flower refuses a signature dated further from the server's clock than this."""
_HALF_A_SECOND = 0.5  # the header has whole seconds, cut off
_X509_EXPIRED, _X509_NOT_YET = 10, 9

_SILENT = "does not answer; check host, port and the firewall on the way"
_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (ssl.SSLError, "does not speak TLS as a pdl1es server does; check host and port"),
    (socket.gaierror, "this host name is not known; check the name and this machine's DNS"),
    (
        ConnectionRefusedError,
        "refuses connections, no server runs there; ask the coordinator to start it, or check the port",
    ),
    (TimeoutError, _SILENT),
    (httpx.TimeoutException, _SILENT),
)


class CertificateError(PeerError):
    """The server's certificate, or a clock, is such that waiting does not help."""


@dataclass(frozen=True)
class Answer:
    """What a server said when asked for its health."""

    status: int
    clock_ahead_seconds: float | None
    """How far this machine's clock is ahead of the server's; None when the server did not say."""


def split_address(address: str) -> tuple[str, int]:
    """Host and port of HOST:PORT; UsageError when it is something else."""
    found = re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})", address)
    if not found or not 0 < int(found[2]) < 65536:
        raise UsageError(f"{address}: is no address; write HOST:PORT, as in server.example.org:9400")
    return found[1].strip("[]"), int(found[2])


def probe(address: str, certificates: Path, *, seconds: float = 10, direct: bool = False) -> Answer:
    """Ask the server for its health over TLS, on the way that Flower takes; PeerError names what is in the way.

    `direct` leaves out the proxy that HTTPS_PROXY names.
    """
    host, port = split_address(address)
    context = ssl.create_default_context(cafile=str(certificates))
    url = httpx.URL(scheme="https", host=host, port=port, path=HEALTH_PATH)
    try:
        with httpx.Client(verify=context, timeout=seconds, trust_env=not direct) as client:
            response = client.get(url)
    except httpx.HTTPError as error:
        raise _translated(error, address, host) from error
    return Answer(response.status_code, _ahead(response.headers.get("date")))


def clock_fault(answer: Answer) -> str | None:
    """What is wrong with this machine's clock, None when Flower accepts it."""
    ahead = answer.clock_ahead_seconds
    if ahead is None or -MAXIMUM_BEHIND_SECONDS < ahead < MAXIMUM_AHEAD_SECONDS:
        return None
    side = "ahead of" if ahead > 0 else "behind"
    return f"this clock is {abs(ahead):.0f} s {side} the server's, 5 s ahead and 300 s behind pass; switch NTP on"


def _ahead(date: str | None) -> float | None:
    if date is None:
        return None
    try:
        return time.time() - email.utils.parsedate_to_datetime(date).timestamp() - _HALF_A_SECOND
    except ValueError:
        return None


def _translated(error: httpx.HTTPError, address: str, host: str) -> PeerError:
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(cause)
    for one in causes:
        if isinstance(one, ssl.SSLCertVerificationError):
            return CertificateError(f"{address}: {_certificate_reason(one, host)}")
    return PeerError(f"{address}: {_reason(error, causes)}")


def _reason(error: httpx.HTTPError, causes: list[BaseException]) -> str:
    if isinstance(error, httpx.ProxyError):
        return f"the proxy of HTTPS_PROXY refuses ({error}); ask for this address, or name it in NO_PROXY"
    for kind, words in _REASONS:
        if any(isinstance(one, kind) for one in causes):
            return words
    return f"the connection broke ({error}); check host, port and the firewall on the way"


def _certificate_reason(error: ssl.SSLCertVerificationError, host: str) -> str:
    if error.verify_code == _X509_EXPIRED:
        return "the server's certificate has expired; ask the coordinator for `pdl1es-server renew`"
    if error.verify_code == _X509_NOT_YET:
        return "the server's certificate is not valid yet; check this machine's clock"
    if "ostname" in error.verify_message or "IP address" in error.verify_message:
        return f"the server's certificate is not for {host}; use a host that it was provisioned with"
    return "the server's certificate is not of this study's CA; do not go on, ask the coordinator"
