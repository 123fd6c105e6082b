"""Whether the aggregation server can be reached, is the right one, and knows this site; starts no run."""

from __future__ import annotations

import datetime
import os
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from client.federation_folder import FederationFolder, load_federation
from client.preflight.finding import Check, Topic
from client.site import Site
from common.errors import DataError, PeerError
from common.flower_environment import QUIET
from common.site_kit import SiteKit
from common.tls_probe import HEALTH_PATH, Answer, clock_fault, probe, split_address

AREA = "Server"
FEW_DAYS = 30
_NO_INTERVAL = 0.0
"""The server looks a key up before it refuses this interval: asking changes nothing."""
_KNOWN, _UNKNOWN, _REFUSED = 400, 412, 401


def server_checks(site: Site, address: str | None) -> Iterator[Check]:
    """Connection, certificate, clock and admission; skipped when no address is given."""
    topic = Topic(AREA, "Connection")
    if address is None:
        yield topic.skipped("not asked", "give --server HOST:PORT to ask the aggregation server")
        return
    try:
        folder, kit = load_federation(site.folder)
    except DataError as error:
        said, _, remedy = str(error).partition("; ")
        yield topic.failed(said, f"enroll first: {remedy or f'pdl1es-site enroll {site.folder} --kit KIT'}")
        return
    try:
        answer = probe(address, folder.ca_certificate)
    except PeerError as error:
        said, _, remedy = str(error).partition("; ")
        yield topic.failed(said, remedy or "ask the coordinator")
        return
    yield _connection(topic, address, answer)
    yield _certificate(address, folder.ca_certificate)
    yield _clock(answer)
    yield _admission(address, folder, kit)


def _connection(topic: Topic, address: str, answer: Answer) -> Check:
    if answer.status != 200:
        return topic.warning(
            f"{address} answers with status {answer.status}: it is starting or in trouble",
            "wait, or ask the coordinator",
        )
    return topic.ok(f"{address} answers over TLS, with a certificate of this study's CA")


def _clock(answer: Answer) -> Check:
    topic = Topic(AREA, "Clock")
    if fault := clock_fault(answer):
        said, _, remedy = fault.partition("; ")
        return topic.failed(said, remedy)
    if (ahead := answer.clock_ahead_seconds) is None:
        return topic.skipped("the server did not say its time")
    return topic.ok(f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the server's")


def _certificate(address: str, authority: Path) -> Check:
    topic = Topic(AREA, "Certificate")
    try:
        ends = certificate_end(address, authority)
    except httpx.HTTPError as error:
        return topic.warning(f"could not be looked at ({error})", "check again")
    days = (ends - datetime.datetime.now(datetime.UTC)).days
    found = f"valid until {ends:%Y-%m-%d}, {days} days"
    if days < FEW_DAYS:
        return topic.warning(found, "ask the coordinator for `pdl1es-server renew` before a long run")
    return topic.ok(found)


def certificate_end(address: str, authority: Path) -> datetime.datetime:
    """When the server's certificate ends, on the way that the probe takes; httpx.HTTPError when there is none."""
    host, port = split_address(address)
    url = httpx.URL(scheme="https", host=host, port=port, path=HEALTH_PATH)
    context = ssl.create_default_context(cafile=str(authority))
    with httpx.Client(verify=context, timeout=10) as client, client.stream("GET", url) as response:
        connection = response.extensions["network_stream"].get_extra_info("ssl_object")
        ends = ssl.cert_time_to_seconds(connection.getpeercert()["notAfter"])
    return datetime.datetime.fromtimestamp(ends, datetime.UTC)


def _admission(address: str, folder: FederationFolder, kit: SiteKit) -> Check:
    topic = Topic(AREA, "Admission")
    try:
        status = ask_for_key(address, folder)
    except httpx.HTTPError as error:
        return topic.warning(f"the server could not be asked for this site's key ({error})", "check again")
    except DataError as error:
        said, _, remedy = str(error).partition("; ")
        return topic.failed(said, remedy)
    if status == _KNOWN:
        return topic.ok(f"the server knows the key of {kit.name}")
    if status == _UNKNOWN:
        return topic.failed(
            f"the server does not know the key of {kit.name}: it is not admitted, or was revoked",
            f"hand {folder.public_key(kit.name)} to the coordinator",
        )
    if status == _REFUSED:
        return topic.failed("the server refuses this site's signature", "set this clock by NTP, and check again")
    return topic.warning(f"the server answers with status {status}", "wait, or ask the coordinator")


def ask_for_key(address: str, folder: FederationFolder) -> int:
    """HTTP status of a signed request that a server refuses in one way for a key it knows and in another for others.

    DataError when this site's key is none; httpx.HTTPError when there is no answer.
    """
    os.environ.update(QUIET)
    # Flower takes seconds to import and is needed here only
    from flwr.proto.fleet_pb2 import ActivateNodeRequest
    from flwr.supercore.primitives.asymmetric import public_key_to_bytes
    from flwr.supernode.fleet_http_client import FleetHttpClient
    from flwr.supernode.node_auth_http_interceptor import NodeAuthHttpInterceptor

    private = _private_key(folder.key)
    public = private.public_key()
    request = ActivateNodeRequest(public_key=public_key_to_bytes(public), heartbeat_interval=_NO_INTERVAL)
    signing = NodeAuthHttpInterceptor(private, public)
    try:
        with FleetHttpClient.from_server_address(address, False, str(folder.ca_certificate), [signing]) as client:
            client.ActivateNode(request)
    except httpx.HTTPStatusError as error:
        return error.response.status_code
    return 200


def _private_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_ssh_private_key(path.read_bytes(), password=None)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise DataError(f"{path}: is no key in OpenSSH's form; make another: --new-key") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise DataError(f"{path}: is no key on an elliptic curve; make another: --new-key")
    return key
