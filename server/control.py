"""Flower's Control API, spoken only on this machine; the one place that knows Flower's inner client."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from flwr.common.serde import user_config_to_proto
from flwr.proto.control_pb2 import (
    ListNodesRequest,
    ListRunsRequest,
    RegisterNodeRequest,
    StartRunRequest,
    StopRunRequest,
    StreamLogsRequest,
    UnregisterNodeRequest,
)
from flwr.proto.fab_pb2 import Fab
from flwr.supercore.control import ControlHttpClient
from flwr.supercore.error import ApiErrorCode, FlowerError
from flwr.supercore.primitives.asymmetric import public_key_to_bytes

from common.errors import DataError, PeerError
from server.kit import Kit

SiteState = Literal["online", "offline", "admitted", "revoked"]
_STATES: dict[str, SiteState] = {
    "online": "online",
    "offline": "offline",
    "registered": "admitted",
    "unregistered": "revoked",
}
_UNFINISHED = ("pending", "starting", "running")


@dataclass(frozen=True)
class Node:
    """A site as the SuperLink knows it."""

    node_id: int
    name: str
    state: SiteState
    public_key: bytes
    since: str | None
    """When it last came online or went offline."""


@dataclass(frozen=True)
class RunInfo:
    """A run as the SuperLink knows it."""

    run_id: int
    status: str
    """pending, starting, running, completed, failed or stopped."""
    details: str
    started: str | None
    finished: str | None

    @property
    def unfinished(self) -> bool:
        """Whether it still goes on."""
        return self.status in _UNFINISHED


class Control:
    """The coordinator's hand on a running SuperLink."""

    def __init__(self, kit: Kit) -> None:
        port = kit.settings.superlink_port
        self._address = f"127.0.0.1:{port}"
        self._client = ControlHttpClient(
            f"https://{self._address}",
            verify=ssl.create_default_context(cafile=str(kit.ca_certificate)),
            timeout=20,
        )

    def __enter__(self) -> Control:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def nodes(self) -> list[Node]:
        """All sites that were ever admitted."""
        with self._spoken():
            found = self._client.ListNodes(ListNodesRequest()).nodes_info
        return [
            Node(
                node_id=node.node_id,
                name=node.name,
                state=_STATES.get(node.status, "offline"),
                public_key=node.public_key,
                since=(node.last_activated_at if node.status == "online" else node.last_deactivated_at) or None,
            )
            for node in found
        ]

    def register(self, name: str, key: ec.EllipticCurvePublicKey) -> int:
        """Admit a site's key under its name; DataError for a key that was revoked once."""
        request = RegisterNodeRequest(public_key=public_key_to_bytes(key), name=name)
        with self._spoken():
            return self._client.RegisterNode(request).node_id

    def unregister(self, node_id: int) -> None:
        """Take a site's key away for good."""
        with self._spoken():
            self._client.UnregisterNode(UnregisterNodeRequest(node_id=node_id))

    def runs(self) -> list[RunInfo]:
        """All runs, the newest first."""
        with self._spoken():
            found = self._client.ListRuns(ListRunsRequest()).run_dict.values()
        known = sorted(found, key=lambda run: run.pending_at, reverse=True)
        return [
            RunInfo(
                run_id=run.run_id,
                status=run.status.sub_status or run.status.status,
                details=run.status.details,
                started=run.running_at or None,
                finished=run.finished_at or None,
            )
            for run in known
        ]

    def start_run(self, bundle: bytes, sha256: str, settings: dict[str, bool | float | int | str]) -> int:
        """Start a run of the bundled app with these run settings; its id."""
        fab = Fab(hash_str=sha256, content=bundle)
        request = StartRunRequest(fab=fab, override_config=user_config_to_proto(settings))
        with self._spoken():
            answer = self._client.StartRun(request)
        if not answer.HasField("run_id"):
            raise PeerError("the SuperLink did not start the run; its log says why, see pdl1es-server status")
        return answer.run_id

    def stop_run(self, run_id: int) -> None:
        """Stop a run."""
        with self._spoken():
            self._client.StopRun(StopRunRequest(run_id=run_id))

    def log(self, run_id: int, *, after: float = 0) -> Iterator[tuple[str, float]]:
        """What the server's app prints and when, until the run ends."""
        request = StreamLogsRequest(run_id=run_id, after_timestamp=after)
        with self._spoken():
            for part in self._client.StreamLogs(request):
                yield part.log_output, part.latest_timestamp

    @contextlib.contextmanager
    def _spoken(self) -> Iterator[None]:
        try:
            yield
        except httpx.HTTPStatusError as error:
            raise _refusal(error.response) from error
        except httpx.HTTPError as error:
            raise PeerError(
                f"the SuperLink at {self._address} does not answer ({error}); start it: pdl1es-server start KIT"
            ) from error


def _refusal(response: httpx.Response) -> DataError | PeerError:
    error = FlowerError.from_json(response.text)
    if error is None:
        return PeerError(f"the SuperLink answers with status {response.status_code}; see its log in server/log")
    if error.code == ApiErrorCode.PUBLIC_KEY_ALREADY_IN_USE:
        return DataError(
            "this public key was revoked or belongs to another site; let the site make another: "
            "pdl1es-site enroll DIR --kit KIT --new-key"
        )
    words = " ".join(filter(None, (error.message, error.public_details)))
    return PeerError(f"the SuperLink refuses [code {int(error.code)}]: {words}")
