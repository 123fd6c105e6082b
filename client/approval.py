"""The approval of a study: a person at the hospital read it, and nothing but these bytes runs here."""

from __future__ import annotations

import datetime
import os
import pwd
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from client.approval_study import SiteStudy, read_for_site
from client.audit.entry import Entry, Event
from client.audit.recorder import record_policy
from client.audit.trail import Trail
from client.site import Site
from common import atomic
from common.errors import ApprovalError, TrailError
from common.flower_environment import private_folder
from common.messages.record import Sha256
from common.study import Study, parse_study

APPROVAL_FILE = Path("federation") / "approved.json"


class Approval(BaseModel):
    """The content of approved.json."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    study_sha256: Sha256
    time: str
    """UTC, ISO 8601."""
    user: str
    """Account of the operating system that approved."""
    study: str
    """Text of the study, with which the next one is compared."""
    audit_hash: Sha256
    """Hash of the approval's line in the audit trail, which must be there."""


@dataclass(frozen=True)
class Change:
    """A key whose value is another than in the study approved last; None where a study lacks it."""

    key: str
    before: Any
    now: Any


def approve(site: Site, study_file: Path) -> Approval:
    """Pin a study's file as it is now; StudyError when it is not for this site."""
    return approve_study(site, read_for_site(site, study_file))


def approve_study(site: Site, read: SiteStudy) -> Approval:
    """Pin a study, by its hash, as the one that may run here.

    Approving the same study again changes nothing, as long as the first approval's line is in the trail.
    """
    trail, user, known = Trail(site.folder), _user(), read_approval(site.folder)
    same = known is not None and known.study_sha256 == read.sha256
    if known is not None and same and is_in_trail(known, trail.entries()):
        return known
    record_policy(trail, site.policy)
    details = {"user": user, "before": known.study_sha256 if known else "none"}
    line = trail.append(Event(event="approval", study_sha256=read.sha256, details=details))
    approval = Approval(
        study_sha256=read.sha256,
        time=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        user=user,
        study=read.text,
        audit_hash=line.hash,
    )
    private_folder((site.folder / APPROVAL_FILE).parent)
    atomic.write_bytes(site.folder / APPROVAL_FILE, approval.model_dump_json(indent=2).encode() + b"\n", private=True)
    return approval


def check_approved(site_folder: Path, sha256: str) -> Approval:
    """The approval of a study; ApprovalError unless exactly this one is approved."""
    approval = read_approval(site_folder)
    if approval is not None and approval.study_sha256 == sha256:
        return approval
    known = f"approved is {approval.study_sha256[:12]}" if approval else "no study is approved here"
    raise ApprovalError(
        f"the study {sha256[:12]} is not approved by this site, {known}; read it and run: "
        f"pdl1es-site approve {site_folder} --study {site_folder / 'federation' / 'study.toml'}"
    )


def check_in_trail(approval: Approval, entries: Sequence[Entry], trail: Trail) -> None:
    """TrailError unless the approval's line is in the trail: a trail begun anew does not know what left before."""
    if not is_in_trail(approval, entries):
        raise TrailError(
            f"{trail.file}: the line of the approval is missing, so it is not the trail of this federation; put it "
            f"back from a backup, or approve the study again: pdl1es-site approve {trail.folder}"
        )


def is_in_trail(approval: Approval, entries: Sequence[Entry]) -> bool:
    """Whether an approval's line is among the approvals and mended lines of a trail.

    A line that the head did not name when the trail was put right is none: it was never finished, or somebody else's.
    """
    unnamed = {one.details.get("line") for one in entries if one.event == "mended"}
    return any(
        (one.event, one.hash, one.study_sha256) == ("approval", approval.audit_hash, approval.study_sha256)
        and str(one.sequence) not in unnamed
        for one in entries
    )


def read_approval(site_folder: Path) -> Approval | None:
    """The last approval, None when there is none; ApprovalError when the file was damaged."""
    path = site_folder / APPROVAL_FILE
    if not path.exists():
        return None
    try:
        return Approval.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ApprovalError(f"{path}: is no approval; delete it and approve the study again") from error


def changes(before: str, now: Study) -> tuple[Change, ...]:
    """Keys that differ from the study approved last, given as its text; StudyError when that is no study any more."""
    old, new = (_flat(study.model_dump(mode="json")) for study in (parse_study(before), now))
    keys = (*new, *(key for key in old if key not in new))
    return tuple(Change(key, old.get(key), new.get(key)) for key in keys if old.get(key) != new.get(key))


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {prefix: value}
    found: dict[str, Any] = {}
    for name, child in value.items():
        found |= _flat(child, f"{prefix}.{name}".lstrip("."))
    return found


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # an account of a container has no name
        return f"uid {os.getuid()}"
