"""report.html of a check, in the look of the other reports; it names patients and stays in the hospital."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from client.preflight.montage import Page
from common.report.figures_cohort import flow_figure
from common.report.page import write_page
from common.report.sections import Section
from common.report.view_provenance import provenance_view
from common.report.view_summary import Summary
from common.report.words import counted, listed

TEMPLATES = Path(__file__).parents[1] / "templates"
EMBEDDED_BYTES = 6 * 2**20
"""Pictures within the page; those beyond are linked, so that a browser still opens it at once."""
SHOWN_ITEMS = 200
"""Patients named below a check on the page; results.json has all."""
OPEN_ITEMS = 20
"""Lists of a failed check that are shown at once."""
_WORDS = {"failed": "Failed", "warning": "Warning", "skipped": "Skipped", "ok": "OK"}


@dataclass(frozen=True)
class Picture:
    """A page of the montage in the report: its file beside it, and its address within, empty when it is linked."""

    file: str
    title: str
    address: str


class Pictures:
    """The pages of a montage as a report takes them: embedded until EMBEDDED_BYTES are reached, then linked."""

    def __init__(self) -> None:
        self.shown: list[Picture] = []
        self._left = EMBEDDED_BYTES

    def add(self, page: Page, file: str) -> None:
        """Take one page, whose PNG lies in `file` beside the report."""
        self._left -= len(page.jpeg)
        title = f"Page {page.number}: patients {page.patients[0]} to {page.patients[-1]}"
        address = "data:image/jpeg;base64," + base64.b64encode(page.jpeg).decode() if self._left >= 0 else ""
        self.shown.append(Picture(file, title, address))


def write_report(results: Mapping[str, Any], pictures: Sequence[Picture], path: Path) -> None:
    """Write the page from the content of results.json and the montage."""
    write_page(
        results,
        path,
        title="Check of a site before a study",
        sections=(
            Section("checks", "What was checked", _checks_view),
            Section("cohort", "Who takes part", _flow_view),
            Section("tumours", "Every tumour", lambda _: {"pictures": pictures} if pictures else None),
        ),
        templates=(TEMPLATES,),
        summary=_summary(results),
        closing=(Section("provenance", "Settings and provenance", provenance_view),),
    )


def _summary(results: Mapping[str, Any]) -> Summary:
    sha256, found = results["study_sha256"], results["counts"]
    asked = "Are the table, the images, the masks and this machine fit for a study?"
    left_out = results["patients"] - results["fine"]
    return Summary(
        eyebrow=f"{results['site']} · {f'study {sha256[:12]}' if sha256 else 'the paper’s settings'}",
        asked=(asked, "This page names patients and stays in the hospital."),
        found=tuple(_findings(results["checks"], found)),
        whom=(f"{counted(results['patients'], 'row')}: {results['fine']} fine, {left_out} in quarantine.",),
    )


def _findings(checks: Sequence[Mapping[str, Any]], found: Mapping[str, int]) -> list[Markup]:
    lines = []
    for state, words in (("failed", "failed"), ("warning", "gave a warning")):
        names: dict[str, list[str]] = {}
        for one in checks:
            if one["state"] == state:
                names.setdefault(one["area"], []).append(one["name"])
        if names:
            listing = "; ".join(f"{area}: {', '.join(some)}" for area, some in names.items())
            lines.append(Markup("<b>{} {}</b>. {}.").format(counted(found[state], "check"), words, listing))
    rest = {("is in order", "are in order"): found["ok"], ("was skipped", "were skipped"): found["skipped"]}
    return [*lines, Markup("{}.").format(listed([counted(n, *words) for words, n in rest.items() if n]))]


def _checks_view(results: Mapping[str, Any]) -> Mapping[str, Any]:
    areas: dict[str, list[Mapping[str, Any]]] = {}
    for one in results["checks"]:
        areas.setdefault(one["area"], []).append(one)
    return {"areas": areas, "words": _WORDS, "shown_items": SHOWN_ITEMS, "open_items": OPEN_ITEMS}


def _flow_view(results: Mapping[str, Any]) -> Mapping[str, Any]:
    cohort = results["cohort"]
    groups = {name: cohort[name] for name in ("expression", "immunotherapy")}
    left_out = {"in quarantine": cohort["quarantined"], "excluded": cohort["excluded"]}
    lost = listed([f"{sum(counts.values()):,} {words}" for words, counts in left_out.items()])
    took = listed([f"{n:,} {name}" for name, n in groups.items()])
    return {
        "missing": [],
        "figure": flow_figure(cohort["read"], left_out, {name: n for name, n in groups.items() if n} or {"nobody": 0}),
        "sentence": f"Of {counted(cohort['read'], 'row')}, {lost}; {took} can take part.",
        "left_out": {"In quarantine": cohort["quarantined"], "Excluded by the rules": cohort["excluded"]},
    }
