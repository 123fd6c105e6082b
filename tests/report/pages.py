"""A page taken apart: tags, ids, addresses, headings and text."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from sample_results import PNG

from common.report import write_page
from simulation.report import write_report

HIDDEN = ("style", "title")
EVALUATION_SECTIONS = (
    "cohort",
    "table1_expression",
    "discrimination",
    "operating_point",
    "calibration",
    "decision_curves",
    "subgroups",
)
SURVIVAL_SECTIONS = ("cohort", "table1_immunotherapy", "survival")


class Page(HTMLParser):
    """The parts of a page that tests look at."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.headings: list[int] = []
        self.labels: list[str] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.text = re.sub(r"\s+", " ", self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open.append(tag)
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "href", "xlink:href", "action", "data"):
                self.addresses.append(value or "")
            if name == "aria-label":
                self.labels.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in HIDDEN:
            self.text += data + " "


def run_page(results: dict[str, Any], folder: Path) -> Page:
    """The report of a run, whose picture lies beside it."""
    (folder / "pictures").mkdir(exist_ok=True)
    (folder / "pictures" / "one.png").write_bytes(PNG)
    write_report(results, folder / "report.html")
    return Page((folder / "report.html").read_text("utf-8"))


def section_page(results: dict[str, Any], folder: Path, *sections: str, title: str = "A page") -> Page:
    """A page of some sections, as a site's command writes it."""
    write_page(results, folder / "report.html", title=title, sections=sections)
    return Page((folder / "report.html").read_text("utf-8"))
