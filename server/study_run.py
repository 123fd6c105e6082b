"""What every phase works with: the study, the line to the sites, the state of the run and what is told of it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from common.code_hash import code_sha256
from common.errors import StudyError
from common.federated_model import federated_layout, federated_network
from common.messages import Arrays, Letter, Preparation, Reply, Request
from common.study import Federation, Study, load_study, study_sha256
from common.weights import Layout
from server.exchange import Answered, Check, Exchange
from server.live import Live
from server.run_state import RunState

Answer = TypeVar("Answer", bound=Reply)


@dataclass
class StudyRun:
    """One run of a federated study."""

    study: Study
    sha256: str
    exchange: Exchange
    state: RunState
    live: Live

    @property
    def federation(self) -> Federation:
        """The study's table [federation]."""
        return federation_of(self.study)

    @property
    def facts(self) -> dict[str, Any]:
        """What is known so far, for JSON."""
        return self.state.facts

    @property
    def preparation(self) -> Preparation:
        """What the sites decided together in statistics and selection."""
        return Preparation.model_validate_json(self.facts["preparation"])

    @cached_property
    def layout(self) -> Layout:
        """What of the study's network travels; known after the selection."""
        return federated_layout(federated_network(self.study, self.preparation), self.study)

    def done(self, phase: str) -> bool:
        """Whether a phase was finished before."""
        return phase in self.facts.setdefault("done", [])

    def finish(self, phase: str) -> None:
        """Note that a phase is finished, durably."""
        self.facts["done"].append(phase)
        self.state.save()

    def taking_part(self) -> set[str]:
        """Sites that have described themselves and run what the server runs."""
        return set(self.facts.get("sites", self.federation.roster)) - set(self.facts.get("refused", {}))

    def ask(
        self,
        request: Request,
        expecting: type[Answer],
        *,
        arrays: Arrays | None = None,
        check: Check[Answer] | None = None,
        quorum: int | None = None,
        sites: set[str] | None = None,
        about: dict[str, Any] | None = None,
    ) -> Answered[Answer]:
        """Ask the sites, or all that take part, and keep a record of who answered, bytes and seconds."""
        answered = self.exchange.ask(
            Letter(request, arrays or {}),
            expecting,
            check=check,
            sites=self.taking_part() if sites is None else sites,
            quorum=quorum,
        )
        self.record(request, answered, about or {})
        return answered

    def record(self, request: Request, answered: Answered[Answer], about: dict[str, Any]) -> None:
        """Note who answered a question, who did not and why, bytes and seconds."""
        withheld = {site: list(record.withheld) for site, record in answered.records().items() if record.withheld}
        line = {
            "phase": request.phase,
            "kind": request.kind,
            **about,
            "answered": sorted(answered.answers),
            "missing": dict(answered.missing),
            "remarks": list(answered.remarks),
            "withheld": withheld,
            "bytes_sent": answered.bytes_sent,
            "bytes_received": answered.bytes_received,
            "seconds": round(answered.seconds, 3),
        }
        self.facts.setdefault("rounds", []).append(line)
        for site, reason in answered.missing.items():
            self.live.tell("missing", f"  {site} is missing: {reason}", site=site, reason=reason, phase=request.phase)
        for remark in answered.remarks:
            self.live.tell("remark", f"  {remark}", phase=request.phase)
        known = self.facts.setdefault("withheld", {})
        for site, notes in withheld.items():
            known[site] = sorted({*known.get(site, []), *notes})


def federation_of(study: Study) -> Federation:
    """A study's table [federation]; StudyError when it is the study of one site."""
    if study.federation is None:
        raise StudyError(f"study {study.name} has no table [federation]; add it, docs/study.md has its keys")
    return study.federation


def open_run(study_file: Path, out: Path, exchange: Exchange, live: Live) -> StudyRun:
    """Begin a run in a folder, or go on with the one that is there; StudyError when that is another study's."""
    study, sha256 = load_study(study_file), study_sha256(study_file)
    state = RunState.open(out / "state", study_sha256=sha256, code_sha256=code_sha256())
    state.facts.setdefault("run", secrets.token_hex(16))
    exchange.store_in(out / "state" / "answers")
    return StudyRun(study, sha256, exchange, state, live)
