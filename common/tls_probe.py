"""Why a server cannot be reached, in words a hospital can act on, before Flower tries without end."""

from __future__ import annotations

import email.utils
import http.client
import re
import socket
import ssl
import time
from dataclasses import dataclass
from pathlib import Path

from common.errors import PeerError, UsageError

HEALTH_PATH = "/health"
MAXIMUM_AHEAD_SECONDS, MAXIMUM_BEHIND_SECONDS = 5, 300
"""Flower refuses a signature dated further from the server's clock than this."""
_HALF_A_SECOND = 0.5  # the header has whole seconds, cut off
_X509_EXPIRED, _X509_NOT_YET = 10, 9


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


def probe(address: str, certificates: Path, *, seconds: float = 10) -> Answer:
    """Ask the server for its health over TLS; PeerError names what is in the way."""
    host, port = split_address(address)
    context = ssl.create_default_context(cafile=str(certificates))
    connection = http.client.HTTPSConnection(host, port, timeout=seconds, context=context)
    try:
        connection.request("GET", HEALTH_PATH)
        response = connection.getresponse()
        response.read(4096)
        return Answer(response.status, _ahead(response.getheader("date")))
    except ssl.SSLCertVerificationError as error:
        raise CertificateError(f"{address}: {_certificate_reason(error, host)}") from error
    except (OSError, http.client.HTTPException) as error:
        raise PeerError(f"{address}: {_reason(error)}") from error
    finally:
        connection.close()


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


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return "does not speak TLS as a pdl1es server does; check host and port"
    if isinstance(error, ConnectionRefusedError):
        return "refuses connections, no server runs there; ask the coordinator to start it, or check the port"
    if isinstance(error, TimeoutError):
        return "does not answer; check host, port and the firewall on the way"
    if isinstance(error, socket.gaierror):
        return "this host name is not known; check the name and this machine's DNS"
    return f"the connection broke ({error}); check the firewall on the way and try again"


def _certificate_reason(error: ssl.SSLCertVerificationError, host: str) -> str:
    if error.verify_code == _X509_EXPIRED:
        return "the server's certificate has expired; ask the coordinator for `pdl1es-server renew`"
    if error.verify_code == _X509_NOT_YET:
        return "the server's certificate is not valid yet; check this machine's clock"
    if "ostname" in error.verify_message or "IP address" in error.verify_message:
        return f"the server's certificate is not for {host}; use a host that it was provisioned with"
    return "the server's certificate is not of this study's CA; do not go on, ask the coordinator"
