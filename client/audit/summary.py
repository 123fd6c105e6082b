"""What left a hospital, added up from its audit trail: the content of results/audit/results.json."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from client.audit.chain import Chain
from client.audit.entry import Entry
from common.report.words import counted

DECISIONS = ("approval", "join", "key", "policy", "mended", "privacy")


def audit_results(chain: Chain, *, site: str, synthetic: bool, since: datetime.date | None) -> dict[str, Any]:
    """Totals by study and phase of what is on or after a day, decisions, and what is wrong with the whole trail."""
    entries = since_day(chain.entries, since)
    return {
        "synthetic": synthetic,
        "site": site,
        "since": since.isoformat() if since else None,
        "lines": len(chain.entries),
        "intact": not chain.faults,
        "faults": list(chain.faults),
        "head": chain.last.hash if chain.last else None,
        "studies": [_study(sha256, entries) | _spent(sha256, chain.entries) for sha256 in _studies(entries)],
        "decisions": [_decision(one) for one in entries if one.event in DECISIONS],
    }


def since_day(entries: Sequence[Entry], since: datetime.date | None) -> list[Entry]:
    """Entries on or after a day, UTC."""
    return [one for one in entries if since is None or one.time[:10] >= since.isoformat()]


def _studies(entries: Sequence[Entry]) -> list[str | None]:
    return list(dict.fromkeys(one.study_sha256 for one in entries if one.event == "message"))


def _study(sha256: str | None, entries: Sequence[Entry]) -> dict[str, Any]:
    messages = [one for one in entries if one.event == "message" and one.study_sha256 == sha256]
    phases = list(dict.fromkeys(one.phase for one in messages))
    return {
        "sha256": sha256,
        "phases": [_phase(str(phase), [one for one in messages if one.phase == phase]) for phase in phases],
    }


def _spent(sha256: str | None, entries: Sequence[Entry]) -> dict[str, Any]:
    """What a study has spent so far by the whole trail, whatever day is asked for; null without a noised release."""
    spent = [one for one in entries if one.event == "privacy" and one.study_sha256 == sha256]
    return {
        "epsilon": max((one.epsilon for one in spent if one.epsilon is not None), default=None),
        "delta": max((float(one.details["delta"]) for one in spent), default=None),
        "releases": len(spent),
    }


def _phase(phase: str, messages: Sequence[Entry]) -> dict[str, Any]:
    left = [one for one in messages if one.direction == "out"]
    faults = [one.fault for one in left if one.fault is not None]
    return {
        "phase": phase,
        "questions": sum(one.direction == "in" for one in messages),
        "answers": len(left) - len(faults),
        "faults": {code: faults.count(code) for code in dict.fromkeys(faults)},
        "bytes": sum(one.size_bytes or 0 for one in left),
        "contents": _contents(left),
        "withheld": sorted({note for one in left for note in one.withheld}),
        "epsilon": max((one.epsilon for one in left if one.epsilon is not None), default=None),
        "first": messages[0].time,
        "last": messages[-1].time,
    }


def _contents(left: Sequence[Entry]) -> list[str]:
    """Each kind of number that left once, in words."""
    found: dict[str, None] = {}
    for entry in left:
        for one in entry.contents:
            values = "x".join(map(str, one.shape)) or "1"
            found[f"{one.name}: {values} {one.dtype}"] = None
    return list(found)


def _decision(entry: Entry) -> dict[str, Any]:
    return {
        "time": entry.time,
        "event": entry.event,
        "study_sha256": entry.study_sha256,
        "server": entry.server,
        "epsilon": entry.epsilon,
        "details": dict(entry.details),
    }


def table_lines(entries: Sequence[Entry]) -> Iterator[str]:
    """A trail as a table on a screen."""
    yield f"{'line':>6}  {'time, UTC':19}  {'':3}  {'what':22} {'study':12} {'bytes':>12}  remarks"
    for one in entries:
        what = one.event if one.event != "message" else f"{one.kind}" + ("" if one.round is None else f", {one.round}")
        size = "" if one.size_bytes is None else f"{one.size_bytes:,}"
        yield (
            f"{one.sequence:>6}  {one.time[:19].replace('T', ' '):19}  {one.direction or '':3}  {what:22} "
            f"{(one.study_sha256 or '')[:12]:12} {size:>12}  {_remarks(one)}"
        ).rstrip()


def release_words(epsilon: float | None, details: Mapping[str, str]) -> str:
    """A noised release as a person reads it: what, in how many steps, and epsilon of the study up to it."""
    steps = counted(int(details["steps"]), "step")
    return (
        f"{details['what']}; {steps} with noise {float(details['noise_multiplier']):.3g}; epsilon {epsilon:.3g} so far"
    )


def _remarks(one: Entry) -> str:
    if one.event == "privacy":
        return release_words(one.epsilon, one.details)
    fault = [f"refused: {one.fault}"] if one.fault else []
    withheld = [f"withheld {note}" for note in one.withheld]
    details = [f"{name} {value}" for name, value in one.details.items()]
    return "; ".join((*fault, *withheld, *details))
