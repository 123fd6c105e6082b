"""How a server is: its programs, its sites, its runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from common.errors import PeerError
from common.study import study_sha256
from common.tls_probe import probe
from server.certificates import days_left, load_certificate
from server.control import Control, Node, RunInfo
from server.daemon import read_state
from server.kit import Kit
from server.processes import PROXY, SUPEREXEC, SUPERLINK
from server.supervisor import is_running

NEVER = "never enrolled"
_WARN_DAYS = 30


def status(kit: Kit) -> dict[str, Any]:
    """Everything `pdl1es-server status --json` prints."""
    certificate = load_certificate(kit.certificate)
    running = is_running(kit)
    content: dict[str, Any] = {
        "kit": str(kit.folder),
        "study": kit.study.name,
        "study_sha256": study_sha256(kit.study_file),
        "running": running,
        "address": f"{kit.settings.listen}:{kit.settings.port}",
        "certificate": {
            "expires": certificate.not_valid_after_utc.isoformat(),
            "days_left": round(days_left(certificate), 1),
            "renew_soon": days_left(certificate) < _WARN_DAYS,
        },
        "programs": _programs(kit, running),
        "sites": [],
        "runs": [],
    }
    if running:
        with Control(kit) as control:
            content["sites"] = _sites(kit.roster, control.nodes())
            content["runs"] = [_run(run) for run in control.runs()]
    return content


def healthy(address: str, *, seconds: float = 5) -> bool:
    """Whether a gRPC health service on this machine says that it serves."""
    with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
        stub = HealthStub(channel)
        try:
            answer = stub.Check(HealthCheckRequest(), timeout=seconds)
        except grpc.RpcError:
            return False
    return bool(answer.status == HealthCheckResponse.SERVING)


def active(nodes: list[Node], name: str) -> Node | None:
    """The node that stands for a site now, whatever was revoked before."""
    return next((node for node in nodes if node.name == name and node.state != "revoked"), None)


def _programs(kit: Kit, running: bool) -> dict[str, dict[str, Any]]:
    settings, pids = kit.settings, read_state(kit).get("programs", {}) if running else {}
    checks: dict[str, Callable[[], bool]] = {
        SUPERLINK: lambda: healthy(f"127.0.0.1:{settings.superlink_health_port}"),
        SUPEREXEC: lambda: healthy(f"127.0.0.1:{settings.superexec_health_port}"),
        PROXY: lambda: _answers(kit),
    }
    return {
        name: {"pid": pids.get(name), "healthy": bool(running and pids.get(name) and check())}
        for name, check in checks.items()
    }


def _answers(kit: Kit) -> bool:
    try:
        return probe(kit.settings.reachable, kit.ca_certificate, direct=True).status == 200
    except PeerError:
        return False


def _sites(roster: tuple[str, ...], nodes: list[Node]) -> list[dict[str, Any]]:
    rows = []
    for name in roster:
        node = active(nodes, name)
        revoked = sum(known.name == name and known.state == "revoked" for known in nodes)
        state = node.state if node else ("revoked" if revoked else NEVER)
        rows.append(
            {
                "name": name,
                "state": state,
                "since": node.since if node else None,
                "node_id": str(node.node_id) if node else None,
                "revoked_keys": revoked,
            }
        )
    return rows


def _run(run: RunInfo) -> dict[str, Any]:
    return {
        "run_id": str(run.run_id),
        "status": run.status,
        "details": run.details.removeprefix("ServerApp failed with exception: "),
        "started": run.started,
        "finished": run.finished,
    }
