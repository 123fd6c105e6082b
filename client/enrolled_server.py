"""Which server a site answers: the one whose CA it enrolled with, over TLS, if its policy allows that one."""

from __future__ import annotations

import hashlib
import ssl
from pathlib import Path

from client.policy import Policy
from common.errors import DataError, PolicyError
from common.site_kit import CA_FILE

SERVER_CA = "server-ca"
"""Key of the node's configuration with which `pdl1es-site join` says whose certificate it asks for."""


def enrolled_server(site_folder: Path) -> str | None:
    """SHA-256 of the CA that a site enrolled with, None for a site that did not; DataError for no certificate."""
    path = site_folder / "federation" / CA_FILE
    if not path.exists():
        return None
    try:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(path.read_text("ascii").strip())).hexdigest()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); permit it, or enroll again") from error
    except ValueError as error:
        raise DataError(f"{path}: is no certificate in PEM; ask the coordinator for the kit again") from error


def check_server(policy: Policy, *, enrolled: str | None, asks: object) -> None:
    """PolicyError unless who asks, the CA that the node was started for, is one that the policy allows."""
    if policy.require_tls and (enrolled is None or asks != enrolled):
        raise PolicyError(
            "the message did not come through pdl1es-site join, and policy.require_tls is true; enroll and join, or "
            "set it to false in site.toml where all patients are made up"
        )
    if policy.allowed_servers and enrolled not in policy.allowed_servers:
        raise PolicyError(
            f"the server's CA is {enrolled or 'unknown'}, which is not in policy.allowed_servers; compare it with the "
            "coordinator's and add it to site.toml, or take no part"
        )
