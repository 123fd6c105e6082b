"""Lines for one question and its answer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flwr.app import RecordDict

from client.audit.contents import content_sha256, contents_of
from client.audit.entry import Event
from client.audit.trail import Trail
from client.policy import Policy
from common.messages import Fault, Letter, Request, message_bytes


@dataclass
class Recorder:
    """Writes what came and what goes; TrailError when it cannot, and then nothing goes."""

    trail: Trail
    kind: type[Request]
    server: str | None
    asked: Request | None = None
    """The question, once it could be read."""

    def received(self, content: RecordDict, letter: Letter | None) -> None:
        """A question came; None when it could not be read."""
        if letter is not None and isinstance(letter.record, Request):
            self.asked = letter.record
        self._write("in", content, letter, fault=None)

    def sent(self, content: RecordDict, answer: Letter | Fault) -> None:
        """An answer is about to leave."""
        if isinstance(answer, Fault):
            self._write("out", content, None, fault=answer.code)
        else:
            self._write("out", content, answer, fault=None)

    def _write(self, direction: str, content: RecordDict, letter: Letter | None, *, fault: str | None) -> None:
        event = {
            "event": "message",
            "direction": direction,
            "study_sha256": self.asked.study_sha256 if self.asked else None,
            "run": getattr(self.asked, "run", None),
            "phase": self.kind.phase,
            "kind": self.kind.kind,
            "round": getattr(self.asked, "round", None),
            "server": self.server,
            "contents": contents_of(letter) if letter else (),
            "size_bytes": message_bytes(content),
            "content_sha256": content_sha256(content),
            "withheld": getattr(letter.record, "withheld", ()) if letter else (),
            "fault": fault,
            "epsilon": self._epsilon(),
        }
        self.trail.append(Event.model_validate(event))

    def _epsilon(self) -> float | None:
        """What the study has spent so far; None when nothing of it was noised."""
        study = self.asked.study_sha256 if self.asked else None
        spent = (one.epsilon for one in self.trail.entries_of("privacy") if one.study_sha256 == study)
        return max((one for one in spent if one is not None), default=None)


def record_policy(trail: Trail, policy: Policy) -> None:
    """A line when the policy is another than the last one in the trail."""
    known = trail.entries_of("policy")
    if not known or known[-1].details["sha256"] != policy.sha256:
        told = {name: str(value) for name, value in policy.model_dump(mode="json").items()}
        trail.append(Event(event="policy", details={"sha256": policy.sha256, **told}))


def record_join(site_folder: Path, *, address: str, server: str) -> None:
    """A line for the beginning of a site's part in a federation."""
    Trail(site_folder).append(Event(event="join", server=server, details={"address": address}))


def record_key(site_folder: Path, *, fingerprint: str) -> None:
    """A line for a key that this site made."""
    Trail(site_folder).append(Event(event="key", details={"fingerprint": fingerprint}))
