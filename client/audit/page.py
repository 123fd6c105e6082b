"""The page `What left this hospital`, in the look of the other reports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from client.audit.summary import release_words
from common.report import write_page
from common.report.parts import Results
from common.report.sections import Section
from common.report.view_summary import Summary
from common.report.words import counted

TITLE = "What left this hospital"
TEMPLATES = Path(__file__).parent / "templates"
WITH_WEIGHTS = ("training", "masking")
_EVENTS = {
    "approval": "study approved",
    "join": "joined the federation",
    "key": "key made",
    "policy": "policy of the site",
    "mended": "put right after an interruption",
    "privacy": "privacy spent",
}


def write_audit_page(results: Results, path: Path) -> None:
    """Write the page from the content of results.json."""
    sections = (
        Section("audit_messages", "Messages", _messages, "Messages"),
        Section("audit_contents", "What was in them", _contents, "Contents"),
        Section("audit_decisions", "Approvals and other decisions", _decisions, "Decisions"),
        Section("audit_chain", "Whether this can be believed", _chain, "The chain"),
    )
    write_page(
        results, path, title=TITLE, sections=sections, templates=(TEMPLATES,), summary=_summary(results), closing=()
    )


def _summary(results: Results) -> Summary:
    since = f"since {results['since']}" if results["since"] else "since the trail began"
    return Summary(
        f"{results['site']} · {since}",
        ("What did this hospital send to an aggregation server, and who allowed it?",),
        tuple(map(Markup.escape, _found(results))),
        tuple(_held(results)),
    )


def _held(results: Results) -> Iterator[str]:
    """What messages may say of patients; a weight is no record of one, and can still speak of one."""
    yield "Messages hold counts, sums, estimates and weights. Images, tables and scores of single patients stay here."
    for study in results["studies"]:
        name = study["sha256"][:12] if study["sha256"] else None
        if study["epsilon"] is not None:
            yield (
                f"Study {name} has noised {counted(study['releases'], 'release')}: epsilon {study['epsilon']:.3g} at "
                f"delta {study['delta']:g} bounds what these tell of one training patient, but not what else left."
            )
        elif any(one["phase"] in WITH_WEIGHTS and one["answers"] for one in study["phases"]):
            yield (
                f"Nothing that left of study {name} carries noise: its weights, of this site or in a sum over sites, "
                "may tell whether a patient was trained on."
            )


def _found(results: Results) -> Iterator[str]:
    phases = [phase for study in results["studies"] for phase in study["phases"]]
    answers, size = (sum(phase[key] for phase in phases) for key in ("answers", "bytes"))
    refused = sum(sum(phase["faults"].values()) for phase in phases)
    yield (
        f"{counted(answers, 'answer')} and {counted(refused, 'refusal')} left, {data_size(size)} in all, of "
        f"{counted(len(results['studies']), 'study', 'studies')}."
    )
    if results["intact"]:
        yield f"The trail of {counted(results['lines'], 'line')} is unbroken."
    else:
        yield f"The trail is broken: {results['faults'][0]}."


def _messages(results: Results) -> Mapping[str, Any] | None:
    if not results["studies"]:
        return None
    return {"studies": results["studies"], "data_size": data_size, "counted": counted}


def _contents(results: Results) -> Mapping[str, Any] | None:
    return {"studies": results["studies"]} if results["studies"] else None


def _decisions(results: Results) -> Mapping[str, Any] | None:
    rows = [{**one, "what": _EVENTS[one["event"]], "words": _words(one)} for one in results["decisions"]]
    return {"rows": rows} if rows else None


def _words(decision: Mapping[str, Any]) -> str:
    details = decision["details"]
    if decision["event"] == "privacy":
        return release_words(decision["epsilon"], details)
    return "; ".join(f"{name} {value}" for name, value in details.items())


def _chain(results: Results) -> Mapping[str, Any]:
    return {"faults": results["faults"], "lines": results["lines"], "head": results["head"]}


def data_size(number: float) -> str:
    """Bytes for people."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number:.0f} bytes"
